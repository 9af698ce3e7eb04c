;; Asks for what every JavaScript object has by inheritance.
(module
  (import "toString" "toString" (func (param i32) (result i32)))
  (func (export "_start")))
