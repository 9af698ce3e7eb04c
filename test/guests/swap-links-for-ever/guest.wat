;; Makes a link to a directory, swaps it for one that leads above `/`, moves it into place and opens a file through it, 2 000
;; times; exits 1 when anything is found above.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "d") (data (i32.const 8) "safe") (data (i32.const 16) "..") (data (i32.const 24) "../..")
  (data (i32.const 32) "a/etc/passwd") (data (i32.const 48) "b") (data (i32.const 52) "a")
  (func $through
    (if (i32.eqz (call $open (i32.const 3) (i32.const 1) (i32.const 32) (i32.const 12) (i32.const 0)
          (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 100)))
      (then (call $exit (i32.const 1)))))
  (func (export "_start") (local $n i32)
    (drop (call $mkdir (i32.const 3) (i32.const 0) (i32.const 1)))
    (loop $again
      (drop (call $symlink (i32.const 0) (i32.const 1) (i32.const 3) (i32.const 52) (i32.const 1)))
      (call $through)
      (drop (call $symlink (i32.const 16) (i32.const 2) (i32.const 3) (i32.const 48) (i32.const 1)))
      (drop (call $rename (i32.const 3) (i32.const 48) (i32.const 1) (i32.const 3) (i32.const 52) (i32.const 1)))
      (call $through)
      (drop (call $symlink (i32.const 24) (i32.const 5) (i32.const 3) (i32.const 48) (i32.const 1)))
      (drop (call $rename (i32.const 3) (i32.const 48) (i32.const 1) (i32.const 3) (i32.const 52) (i32.const 1)))
      (call $through)
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 2000))))))
