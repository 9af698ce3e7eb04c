import { testProgram } from './program-tests.ts';
import { findRust, programOf } from './toolchains.ts';

testProgram('Rust', programOf('rust/main.rs', await findRust()), {
  cause: 'trapped',
  exitCode: 11,
  stderr: /panicked at .*as asked/s,
});
