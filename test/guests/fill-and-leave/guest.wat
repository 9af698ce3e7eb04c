;; Grows to 16 MiB, touches every byte and ends; one after the other they leave their memories to whoever collects them.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (if (i32.lt_s (memory.grow (i32.const 255)) (i32.const 0)) (then unreachable))
    (memory.fill (i32.const 0) (i32.const 83) (i32.const 16777216))))
