;; Writes a file in steps of 4 KiB. Exits with how many there was room for once it is told there is none (fbig 22, nospc 51).
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "f")
  (func (export "_start") (local $n i32) (local $errno i32)
    (if (call $open
      (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0)
      (i32.const 8)) (then unreachable))
    (i32.store (i32.const 16) (i32.const 4096))
    (i32.store (i32.const 20) (i32.const 4096))
    (loop $again
      (local.set $errno (call $write (i32.load (i32.const 8)) (i32.const 16) (i32.const 1) (i32.const 24)))
      (if (i32.eqz (local.get $errno)) (then
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $again))))
    (if (i32.eqz (i32.or (i32.eq (local.get $errno) (i32.const 22)) (i32.eq (local.get $errno) (i32.const 51))))
      (then unreachable))
    (call $exit (local.get $n))))
