;; Asks the upstream `model` for / and prints what it says.
(module
  (import "blockless_http" "http_req" (func $ask (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "blockless_http" "http_read_body" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 256) "http://model/")
  (data (i32.const 512) "{\"method\":\"GET\"}")
  (func (export "_start")
    (if (call $ask (i32.const 256) (i32.const 13) (i32.const 512) (i32.const 16) (i32.const 600) (i32.const 604))
      (then unreachable))
    (if (call $read (i32.load (i32.const 600)) (i32.const 1024) (i32.const 1024) (i32.const 4)) (then unreachable))
    (i32.store (i32.const 0) (i32.const 1024))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))
