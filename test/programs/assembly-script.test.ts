import { compile } from '../support/asc.ts';
import { testProgram } from './program-tests.ts';

const build = () => compile(new URL('./assembly/', import.meta.url));

testProgram('AssemblyScript', { build }, { cause: 'exited', exitCode: 255, stderr: /as asked/ });
