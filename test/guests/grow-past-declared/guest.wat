;; Declares at most 3 pages; exits with the size it ended up with.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1 3)
  (func (export "_start")
    (drop (memory.grow (i32.const 1)))
    (drop (memory.grow (i32.const 9)))
    (drop (memory.grow (i32.const 1)))
    (drop (memory.grow (i32.const 1)))
    (call $proc_exit (memory.size))))
