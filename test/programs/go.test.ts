import { testProgram } from './program-tests.ts';
import { findGo, programOf } from './toolchains.ts';

testProgram('Go', programOf('go/main.go', await findGo()), {
  cause: 'exited',
  exitCode: 2,
  stderr: /^panic: as asked\n/,
});
