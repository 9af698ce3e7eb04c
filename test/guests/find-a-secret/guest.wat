;; Exits 1 when any byte of a fresh two-page memory is not zero.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  (func (export "_start") (local $at i32)
    (loop $again
      (if (i32.load8_u (local.get $at)) (then (call $proc_exit (i32.const 1))))
      (br_if $again (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 131072))))))
