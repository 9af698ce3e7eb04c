;; Calls env.abort with strings that lie outside memory, one of them by its length.
(module
  (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\ff\ff\ff\ff")
  (func (export "_start") (call $abort (i32.const -4) (i32.const 20) (i32.const 7) (i32.const -1))))
