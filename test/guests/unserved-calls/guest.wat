;; Calls what is linked but not served yet; exits with the errno of path_open plus that of rpc_call.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "bless" "rpc_call" (func $rpc_call (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (call $proc_exit (i32.add
      (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))
      (call $rpc_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))))
