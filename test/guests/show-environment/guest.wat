;; Prints the environment as `blockless_memory` tells it.
(module
  (import "blockless_memory" "env_var_read" (func $read (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $read (i32.const 64) (i32.const 60000) (i32.const 4)))
    (i32.store (i32.const 0) (i32.const 64))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))
