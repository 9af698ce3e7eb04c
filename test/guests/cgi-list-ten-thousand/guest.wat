;; Opens the list of extensions ten thousand times and closes none; exits with how many were opened.
(module
  (import "blockless_cgi" "cgi_list_exec" (func $list (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $i i32) (local $opened i32)
    (loop $next
      (if (i32.eqz (call $list (i32.const 200))) (then (local.set $opened (i32.add (local.get $opened) (i32.const 1)))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000))))
    (call $exit (local.get $opened))))
