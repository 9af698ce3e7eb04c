;; Asks for what every JavaScript object has by inheritance.
(module
  (import "constructor" "constructor" (func (param i32) (result i32)))
  (func (export "_start")))
