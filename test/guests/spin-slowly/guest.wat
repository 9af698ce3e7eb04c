;; Never ends, and takes long over little fuel: each division waits for the one before.
(module
  (memory (export "memory") 1)
  (global $result (mut f64) (f64.const 0))
  (func (export "_start") (local f64)
    (local.set 0 (f64.const 1.1))
    (loop $again
      (local.set 0 (f64.div (f64.const 3) (local.get 0)))
      (local.set 0 (f64.div (f64.const 3) (local.get 0)))
      (local.set 0 (f64.div (f64.const 3) (local.get 0)))
      (local.set 0 (f64.div (f64.const 3) (local.get 0)))
      (global.set $result (local.get 0))
      (br $again))))
