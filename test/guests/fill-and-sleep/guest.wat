;; Grows to 16 MiB, touches every byte and sleeps a minute, so that many of it at once would fill the machine.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (if (i32.lt_s (memory.grow (i32.const 255)) (i32.const 0)) (then unreachable))
    (memory.fill (i32.const 64) (i32.const 83) (i32.const 16777152))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 60000000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))
