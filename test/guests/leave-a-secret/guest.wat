;; Fills its memory, the grown part too, with a pattern.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (memory.grow (i32.const 1)))
    (memory.fill (i32.const 0) (i32.const 83) (i32.const 131072))))
