;; Never ends, never loops: two functions that call each other in tail position.
(module
  (func $a (return_call $b))
  (func $b (return_call $a))
  (func (export "_start") (call $a)))
