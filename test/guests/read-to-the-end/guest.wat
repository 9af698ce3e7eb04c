;; Asks the model server for `/` and reads its body to the end, 4 KiB at a time; exits with the last errno.
(module
  (import "blockless_http" "http_req" (func $http_req (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "blockless_http" "http_read_body" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "http://model/")
  (data (i32.const 64) "{\22method\22:\22GET\22}")
  (func (export "_start") (local $errno i32)
    (local.set $errno
      (call $http_req (i32.const 0) (i32.const 13) (i32.const 64) (i32.const 16) (i32.const 200) (i32.const 204)))
    (if (local.get $errno) (then (call $exit (local.get $errno))))
    (i32.store (i32.const 208) (i32.const 4096))
    (loop $more
      (local.set $errno (call $read (i32.load (i32.const 200)) (i32.const 4096) (i32.const 4096) (i32.const 212)))
      (if (local.get $errno) (then (call $exit (local.get $errno))))
      (drop (call $fd_write (i32.const 1) (i32.const 208) (i32.const 1) (i32.const 220)))
      (br_if $more (i32.load (i32.const 212))))))
