;; Spins in a function that it calls by reference from a table, with everything caught around it.
(module
  (type $callback (func))
  (table 1 funcref)
  (elem (i32.const 0) $spin)
  (func $spin (loop $l (br $l)))
  (func (export "_start")
    (loop $again
      (try (do (call_indirect (type $callback) (i32.const 0))) (catch_all))
      (br $again))))
