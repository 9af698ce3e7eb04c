;; A name that is known, with a parameter that would hand the host a reference.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func (param externref)))
  (func (export "_start")))
