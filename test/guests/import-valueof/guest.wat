(module
  (import "env" "valueOf" (func))
  (func (export "_start")))
