;; Sends a header whose name has 100 000 letters and whose value is not allowed, hoping that the operator's log repeats it.
(module
  (import "blockless_http" "http_req" (func $http_req (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 4)
  (data (i32.const 0) "http://model/")
  (data (i32.const 1000) "{\22method\22:\22GET\22,\22headers\22:{\22")
  (data (i32.const 101028) "\22:\22\\n\22}}")
  (func (export "_start")
    (memory.fill (i32.const 1028) (i32.const 97) (i32.const 100000))
    (call $proc_exit
      (call $http_req (i32.const 0) (i32.const 13) (i32.const 1000) (i32.const 100036) (i32.const 200) (i32.const 204)))))
