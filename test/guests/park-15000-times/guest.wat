;; Parks and comes back 15 000 times, which leaves as many stacks to collect.
(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (func (export "_start") (local $n i32)
    (loop $again
      (drop (call $yield))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 15000))))))
