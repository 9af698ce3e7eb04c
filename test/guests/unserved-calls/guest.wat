;; Calls what is linked but not served yet; exits with the errno of ipfs_close plus that of s3_close.
(module
  (import "blockless_ipfs" "ipfs_close" (func $ipfs_close (param i32) (result i32)))
  (import "blockless_s3" "s3_close" (func $s3_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (call $proc_exit (i32.add (call $ipfs_close (i32.const 3)) (call $s3_close (i32.const 3))))))
