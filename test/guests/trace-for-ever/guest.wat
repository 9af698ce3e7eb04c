;; Prints with what AssemblyScript calls `trace`, without end: a string as long as is printed of one.
(module
  (import "env" "trace" (func $trace (param i32 i32 f64 f64 f64 f64 f64)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 96) (i32.const 60000))
    (loop $again
      (call $trace (i32.const 100) (i32.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0))
      (br $again))))
