;; Calls itself as often as the first byte of standard input times 100 says, with frames of several hundred bytes, sleeps
;; 200 ms down there, and comes back up. Exits with 9 if it counted as many on the way up.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  ;; Exactly one of the twenty is 1, and all are needed again once the call is back.
  (func $down (param $left i32)
    (param $p0 i64) (param $p1 i64) (param $p2 i64) (param $p3 i64) (param $p4 i64) (param $p5 i64) (param $p6 i64)
    (param $p7 i64) (param $p8 i64) (param $p9 i64) (param $p10 i64) (param $p11 i64) (param $p12 i64) (param $p13
    i64) (param $p14 i64) (param $p15 i64) (param $p16 i64) (param $p17 i64) (param $p18 i64) (param $p19 i64)
    (result i64)
    (if (result i64) (local.get $left)
      (then (i64.add
        (call $down (i32.sub (local.get $left) (i32.const 1))
          (local.get $p1) (local.get $p2) (local.get $p3) (local.get $p4) (local.get $p5) (local.get $p6) (local.get
          $p7) (local.get $p8) (local.get $p9) (local.get $p10) (local.get $p11) (local.get $p12) (local.get $p13)
          (local.get $p14) (local.get $p15) (local.get $p16) (local.get $p17) (local.get $p18) (local.get $p19)
          (local.get $p0))
        (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add
        (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (local.get $p0))
        (local.get $p1)) (local.get $p2)) (local.get $p3)) (local.get $p4)) (local.get $p5)) (local.get $p6))
        (local.get $p7)) (local.get $p8)) (local.get $p9)) (local.get $p10)) (local.get $p11)) (local.get $p12))
        (local.get $p13)) (local.get $p14)) (local.get $p15)) (local.get $p16)) (local.get $p17)) (local.get $p18))
        (local.get $p19))))
      (else
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
        (i64.const 0))))
  (func (export "_start") (local $depth i32)
    (i32.store (i32.const 200) (i32.const 220))
    (i32.store (i32.const 204) (i32.const 1))
    (drop (call $read (i32.const 0) (i32.const 200) (i32.const 1) (i32.const 208)))
    (local.set $depth (i32.mul (i32.load8_u (i32.const 220)) (i32.const 100)))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 200000000))
    (if (i64.eq (i64.extend_i32_u (local.get $depth))
        (call $down (local.get $depth)
          (i64.const 1) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const
          0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
          (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))
      (then (call $exit (i32.const 9))))))
