;; Raises every signal from 1 to 64; exits with how many of them were not refused.
(module
  (import "wasi_snapshot_preview1" "proc_raise" (func $raise (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (func (export "_start") (local $signal i32) (local $raised i32)
    (loop $each
      (local.set $signal (i32.add (local.get $signal) (i32.const 1)))
      (local.set $raised (i32.add (local.get $raised) (i32.eqz (call $raise (local.get $signal)))))
      (br_if $each (i32.lt_u (local.get $signal) (i32.const 64))))
    (call $exit (local.get $raised))))
