;; Grows until it is refused, then traps as AssemblyScript's runtime does.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $again
      (if (i32.lt_s (memory.grow (i32.const 16)) (i32.const 0)) (then unreachable))
      (br $again))))
