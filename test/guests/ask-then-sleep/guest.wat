;; Asks the upstream `model` for /, then sleeps 30 s.
(module
  (import "blockless_http" "http_req" (func $ask (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 256) "http://model/")
  (data (i32.const 512) "{\"method\":\"GET\"}")
  (func (export "_start")
    (if (call $ask (i32.const 256) (i32.const 13) (i32.const 512) (i32.const 16) (i32.const 600) (i32.const 604))
      (then unreachable))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 30000000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))
