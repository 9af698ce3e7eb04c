;; Asks for a file to be opened ten thousand times and closes none. Exits with 0 if about a thousand were opened and every
;; other call said "too many" (mfile, 33).
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "f")
  (func (export "_start") (local $asked i32) (local $opened i32) (local $errno i32)
    (loop $again
      (local.set $errno (call $open
        (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0)
        (i32.const 8)))
      (if (local.get $errno)
        (then (if (i32.ne (local.get $errno) (i32.const 33)) (then (call $exit (i32.const 1)))))
        (else (local.set $opened (i32.add (local.get $opened) (i32.const 1)))))
      (local.set $asked (i32.add (local.get $asked) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $asked) (i32.const 10000))))
    (call $exit (i32.or
      (i32.lt_u (local.get $opened) (i32.const 1000))
      (i32.gt_u (local.get $opened) (i32.const 1024))))))
