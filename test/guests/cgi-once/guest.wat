;; Opens the extension that the first line of stdin asks for, writes the rest to it and reads its output: with no argument
;; once, with one until the end of stdout, with two until the end of stderr. Exits with the errno of the call that failed,
;; plus 20 for a write and 40 for a read.
(module
  (import "blockless_memory" "memory_read" (func $memory_read (param i32 i32 i32) (result i32)))
  (import "blockless_cgi" "cgi_open" (func $open (param i32 i32 i32) (result i32)))
  (import "blockless_cgi" "cgi_stdin_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "blockless_cgi" "cgi_stdout_read" (func $stdout_read (param i32 i32 i32 i32) (result i32)))
  (import "blockless_cgi" "cgi_stderr_read" (func $stderr_read (param i32 i32 i32 i32) (result i32)))
  (import "blockless_cgi" "cgi_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 32)
  (func $check (param $errno i32) (param $base i32)
    (if (local.get $errno) (then (call $exit (i32.add (local.get $errno) (local.get $base))))))
  (func (export "_start") (local $argc i32) (local $n i32) (local $line i32)
    (drop (call $args (i32.const 0) (i32.const 4)))
    (local.set $argc (i32.load (i32.const 0)))
    (drop (call $memory_read (i32.const 131072) (i32.const 1900000) (i32.const 8)))
    (local.set $n (i32.load (i32.const 8)))
    (block $found
      (loop $next
        (br_if $found (i32.ge_u (local.get $line) (local.get $n)))
        (br_if $found (i32.eq (i32.load8_u (i32.add (i32.const 131072) (local.get $line))) (i32.const 10)))
        (local.set $line (i32.add (local.get $line) (i32.const 1)))
        (br $next)))
    (call $check (call $open (i32.const 131072) (local.get $line) (i32.const 12)) (i32.const 0))
    (local.set $line (i32.add (local.get $line) (i32.const 1)))
    (if (i32.lt_u (local.get $line) (local.get $n))
      (then (call $check
        (call $write (i32.load (i32.const 12)) (i32.add (i32.const 131072) (local.get $line))
          (i32.sub (local.get $n) (local.get $line)) (i32.const 16))
        (i32.const 20))))
    (loop $more
      (if (i32.eq (local.get $argc) (i32.const 3))
        (then (call $check
          (call $stderr_read (i32.load (i32.const 12)) (i32.const 65536) (i32.const 65535) (i32.const 20)) (i32.const 40)))
        (else (call $check
          (call $stdout_read (i32.load (i32.const 12)) (i32.const 65536) (i32.const 65535) (i32.const 20)) (i32.const 40))))
      (i32.store (i32.const 24) (i32.const 65536))
      (i32.store (i32.const 28) (i32.load (i32.const 20)))
      (drop (call $fd_write (i32.const 1) (i32.const 24) (i32.const 1) (i32.const 32)))
      (br_if $more (i32.and (i32.gt_u (local.get $argc) (i32.const 1)) (i32.gt_u (i32.load (i32.const 20)) (i32.const 0)))))
    (call $check (call $close (i32.load (i32.const 12))) (i32.const 60))
    (call $check (i32.eq (call $close (i32.load (i32.const 12))) (i32.const 0)) (i32.const 80))))
