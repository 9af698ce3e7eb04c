;; Grows two tables until both are refused; exits 0, or 1 when together they got beyond a million elements.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (table $a 1 funcref)
  (table $b 1 externref)
  (func (export "_start") (local $refused i32)
    (loop $again
      (local.set $refused (i32.const 0))
      (if (i32.eq (table.grow $a (ref.null func) (i32.const 10000)) (i32.const -1))
        (then (local.set $refused (i32.add (local.get $refused) (i32.const 1)))))
      (if (i32.eq (table.grow $b (ref.null extern) (i32.const 10000)) (i32.const -1))
        (then (local.set $refused (i32.add (local.get $refused) (i32.const 1)))))
      (br_if $again (i32.ne (local.get $refused) (i32.const 2))))
    (call $exit (i32.gt_u (i32.add (table.size $a) (table.size $b)) (i32.const 1000000)))))
