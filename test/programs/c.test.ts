import { testProgram } from './program-tests.ts';
import { findC, programOf } from './toolchains.ts';

// `abort` of wasi-libc is `unreachable`.
testProgram('C', programOf('c/main.c', await findC()), { cause: 'trapped', exitCode: 11, stderr: /^$/ });
