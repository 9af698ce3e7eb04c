;; Never ends, never calls the host: a tree of calls, deep enough and far too wide.
(module
  (func $f (param i32)
    (if (local.get 0)
      (then (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "_start") (call $f (i32.const 200))))
