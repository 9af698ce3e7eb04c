import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { EXIT, reportFailure } from './cli/exit.ts';
import { parseCommandLine } from './cli/program.ts';

// A second wall behind our own bounds: large tables abort the whole process. Before any module is compiled.
setFlagsFromString('--wasm-max-table-size=1000000');
// An instance is garbage when its execution is over, of the kind that only a full collection frees: as V8 has it, every
// 1 300 of them bring one about, which is a third of what they cost. Heaps may grow further before that.
setFlagsFromString('--heap-growing-percent=400');
process.title = 'inferbase';

// `inferbase … | head` closes our output; that is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure));
}

let exitCode: number = EXIT.ok;
try {
  exitCode = await parseCommandLine(process.argv.slice(2));
} catch (error) {
  const debug = process.env.INFERBASE_LOG_LEVEL === 'debug' || process.argv.includes('--log-level=debug');
  const report = reportFailure(error, debug);
  for (const line of report.lines) process.stderr.write(`${line}\n`);
  exitCode = report.exitCode;
}

// Output first: what was written to a pipe may still be on its way.
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))));
process.exit(exitCode);
