;; Spins inside catch_all inside a loop: what ends it must not be swallowed.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $again
      (try
        (do (loop $l (br $l)))
        (catch_all (call $proc_exit (i32.const 9))))
      (br $again))))
