;; Prints the file whose path is its standard input, then writes over its start; exits with the first errno.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))
  (func (export "_start")
    ;; One buffer of 64 KiB at 1024; 0: its address, 4: its length, 8: result, 12: descriptor
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 65536))
    (call $check (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $check (call $path_open (i32.const 3) (i32.const 1) (i32.const 1024) (i32.load (i32.const 8)) (i32.const 0)
      (i64.const 70) (i64.const 0) (i32.const 0) (i32.const 12)))
    (call $check (call $fd_read (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (call $check (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 1024) (i32.const 0x21212121))
    (i32.store (i32.const 4) (i32.const 4))
    (call $check (call $fd_pwrite (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 8)))))
