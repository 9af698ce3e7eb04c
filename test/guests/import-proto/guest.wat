;; Asks for what every JavaScript object has by inheritance.
(module
  (import "__proto__" "__proto__" (func (param i32) (result i32)))
  (func (export "_start")))
