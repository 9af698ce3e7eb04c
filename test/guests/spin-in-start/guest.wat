;; Never ends before it begins: spins in its start section.
(module
  (start $s)
  (func $s (loop $l (br $l)))
  (func (export "_start")))
