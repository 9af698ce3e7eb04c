;; Opens the extension `hold` and waits for it to print something.
(module
  (import "blockless_cgi" "cgi_open" (func $open (param i32 i32 i32) (result i32)))
  (import "blockless_cgi" "cgi_stdout_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "{\"command\":\"hold\"}")
  (func (export "_start")
    (drop (call $open (i32.const 64) (i32.const 18) (i32.const 0)))
    (drop (call $read (i32.load (i32.const 0)) (i32.const 1024) (i32.const 1024) (i32.const 4)))))
