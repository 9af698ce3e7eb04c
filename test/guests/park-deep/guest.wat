;; Parks for 50 ms from 5 000 calls deep, so that its stack is kept meanwhile.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $deeper (param $left i32) (param $a i64) (param $b i64) (param $c i64) (result i64)
    (if (i32.eqz (local.get $left)) (then (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))
    (if (result i64) (local.get $left)
      (then (i64.add
        (call $deeper (i32.sub (local.get $left) (i32.const 1)) (local.get $c) (local.get $a) (local.get $b))
        (i64.mul (local.get $a) (i64.add (local.get $b) (local.get $c)))))
      (else (i64.const 1))))
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 50000000))
    (drop (call $deeper (i32.const 5000) (i64.const 1) (i64.const 2) (i64.const 3)))))
