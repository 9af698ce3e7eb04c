;; Calls proc_exit, sleep and an endless print inside catch_all, and goes on if any of them can be swallowed.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\09\00\00\00")
  (data (i32.const 16) "swallowed")
  (func (export "_start")
    (try
      (do (call $proc_exit (i32.const 7)))
      (catch_all
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))))
