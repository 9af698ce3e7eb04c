;; Runs from a start section, before any export, and calls the host there.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func $main (drop (memory.grow (i32.const 1))) (call $proc_exit (memory.size)))
  (start $main))
