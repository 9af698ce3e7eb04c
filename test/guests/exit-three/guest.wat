;; Prints to both streams, then exits 3.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\03\00\00\00out")
  (data (i32.const 16) "out")
  (data (i32.const 32) "\30\00\00\00\03\00\00\00")
  (data (i32.const 48) "err")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))
    (drop (call $fd_write (i32.const 2) (i32.const 32) (i32.const 1) (i32.const 100)))
    (call $proc_exit (i32.const 3))))
