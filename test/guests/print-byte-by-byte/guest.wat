;; Prints 1 MiB to both streams in pieces of one byte, so that whatever the host keeps of each piece adds up.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 60000) "x")
  (func (export "_start") (local $n i32)
    (loop $fill
      (i32.store (local.get $n) (i32.const 60000))
      (i32.store offset=4 (local.get $n) (i32.const 1))
      (br_if $fill (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 8))) (i32.const 8192))))
    (local.set $n (i32.const 0))
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 50000)))
      (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1024) (i32.const 50000)))
      (drop (call $sched_yield))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1024))))))
