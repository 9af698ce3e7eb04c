;; Opens a file again and again without closing it. Exits with how many it got once it is told "too many" (mfile, 33).
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "f")
  (func (export "_start") (local $n i32) (local $errno i32)
    (loop $again
      (local.set $errno (call $open
        (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0)
        (i32.const 8)))
      (if (i32.eqz (local.get $errno)) (then
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $again))))
    (if (i32.ne (local.get $errno) (i32.const 33)) (then unreachable))
    (call $exit (local.get $n))))
