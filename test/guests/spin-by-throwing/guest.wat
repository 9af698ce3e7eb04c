;; Throws and catches without end.
(module
  (tag $e)
  (func $f (throw $e))
  (func (export "_start")
    (loop $l (try (do (call $f)) (catch_all)) (br $l))))
