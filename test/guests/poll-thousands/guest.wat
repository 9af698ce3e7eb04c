;; Waits for a hundred thousand clocks at once, which the host would have to keep while it is parked; exits with the errno.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 140)
  (func (export "_start") (local $at i32)
    (loop $again
      (i32.store offset=16 (local.get $at) (i32.const 1))
      (i64.store offset=24 (local.get $at) (i64.const 1000000000))
      (br_if $again (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 48))) (i32.const 4800000))))
    (call $proc_exit (call $poll (i32.const 0) (i32.const 5000000) (i32.const 100000) (i32.const 9000000)))))
