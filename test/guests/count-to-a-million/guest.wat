;; A million rounds of two loops, some output, some randomness, then exit 0: always the same fuel.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $i i32) (local $j i32)
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 300))
    (loop $outer
      (local.set $j (i32.const 1000))
      (loop $inner (br_if $inner (local.tee $j (i32.sub (local.get $j) (i32.const 1)))))
      (if (i32.eqz (i32.rem_u (local.get $i) (i32.const 100)))
        (then
          (drop (call $random (i32.const 1024) (i32.const 300)))
          (drop (call $sched_yield))
          (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))
      (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))))
