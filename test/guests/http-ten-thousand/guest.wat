;; Opens the model server's `/` ten thousand times and closes nothing; exits with how many were opened.
(module
  (import "blockless_http" "http_req" (func $http_req (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "http://model/")
  (data (i32.const 64) "{\22method\22:\22GET\22}")
  (func (export "_start") (local $i i32) (local $opened i32)
    (loop $next
      (if (i32.eqz (call $http_req (i32.const 0) (i32.const 13) (i32.const 64) (i32.const 16) (i32.const 200) (i32.const 204)))
        (then (local.set $opened (i32.add (local.get $opened) (i32.const 1)))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000))))
    (call $exit (local.get $opened))))
