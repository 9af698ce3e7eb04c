;; Makes every sock_* call on descriptors −1 to 9, the first four of which crash other hosts; exits 1 when one succeeds.
(module
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv" (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_shutdown" (func $shutdown (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\05\00\00\00")
  (func $refused (param $errno i32) (if (i32.eqz (local.get $errno)) (then (call $exit (i32.const 1)))))
  (func (export "_start") (local $fd i32)
    (local.set $fd (i32.const -1))
    (loop $each
      (call $refused (call $accept (local.get $fd) (i32.const 0) (i32.const 100)))
      (call $refused (call $recv (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 100) (i32.const 104)))
      (call $refused (call $send (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 100)))
      (call $refused (call $shutdown (local.get $fd) (i32.const 2)))
      (br_if $each (i32.lt_s (local.tee $fd (i32.add (local.get $fd) (i32.const 1))) (i32.const 10))))))
