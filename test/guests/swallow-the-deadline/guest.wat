;; Sleeps inside catch_all; what ends the sleep must not be swallowed.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 30000000000))
    (try
      (do (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))
      (catch_all (call $proc_exit (i32.const 9))))))
