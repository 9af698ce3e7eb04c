;; Opens the extension `hold` a thousand times and closes none; exits with how many were opened.
(module
  (import "blockless_cgi" "cgi_open" (func $open (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "{\"command\":\"hold\"}")
  (func (export "_start") (local $i i32) (local $opened i32)
    (loop $next
      (if (i32.eqz (call $open (i32.const 64) (i32.const 18) (i32.const 0)))
        (then (local.set $opened (i32.add (local.get $opened) (i32.const 1)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 1000))))
    (call $exit (local.get $opened))))
