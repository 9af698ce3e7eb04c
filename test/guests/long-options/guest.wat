;; Hands http_req nine million bytes of options to parse; exits with the errno.
(module
  (import "blockless_http" "http_req" (func $http_req (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 150)
  (data (i32.const 0) "http://model/")
  (func (export "_start")
    (memory.fill (i32.const 1000) (i32.const 32) (i32.const 9000000))
    (call $proc_exit
      (call $http_req (i32.const 0) (i32.const 13) (i32.const 1000) (i32.const 9000000) (i32.const 200) (i32.const 204)))))
