;; Never ends: a ladder of br_table whose every rung leads back to one of two loops.
(module
  (func (export "_start") (local i32)
    (loop $outer
      (loop $inner
        (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (block $a (block $b (block $c (br_table $a $b $c $inner $outer (i32.rem_u (local.get 0) (i32.const 6)))))
          (br $inner))
        (br $outer)))))
