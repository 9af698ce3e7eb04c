import type { Outcome } from '../../core/execution.ts';
import type { Colours } from '../colour.ts';
import { quote } from '../function-tests/difference.ts';
import { size } from '../terminal.ts';
import { traceLines } from '../trace-lines.ts';

const SHOWN_LINES = 200;
const SHOWN_CALLS = 100;

/** What came of one execution, for a person who watches. */
export function outcomeLines(outcome: Outcome, colours: Colours): string[] {
  const { cause, exitCode, message, usage, trace = [] } = outcome;
  const good = cause === 'exited' && exitCode === 0;
  const end = `${cause === 'exited' ? `exited ${exitCode}` : `ended with cause ${cause}, exit code ${exitCode}`}${message === '' ? '' : `: ${quote(message)}`}`;
  const figures = [
    `${usage.wallMs.toFixed(1)} ms`,
    `${usage.cpuMs.toFixed(1)} ms cpu`,
    `${size(usage.peakMemoryBytes)} memory`,
    `fuel ${usage.fuel}`,
    `${usage.hostCalls} host calls`,
  ];
  const calls = traceLines(trace.slice(0, SHOWN_CALLS)).map((line) => colours.dim(`  ${line}`));
  if (usage.hostCalls > calls.length) calls.push(colours.dim(`  … ${usage.hostCalls - calls.length} more`));
  return [
    ...streamLines('stdout', outcome.stdout, outcome.stdoutTruncated, colours),
    ...streamLines('stderr', outcome.stderr, outcome.stderrTruncated, colours),
    `  ${good ? colours.green(end) : colours.red(end)} ${colours.dim(`(${figures.join(', ')})`)}`,
    ...calls,
  ];
}

function streamLines(name: string, bytes: Uint8Array, truncated: boolean, colours: Colours): string[] {
  if (bytes.length === 0) return [];
  const lines = new TextDecoder().decode(bytes).replace(/\n$/, '').split('\n');
  const shown = lines.slice(0, SHOWN_LINES).map((line) => `  ${colours.dim(name)} ${quote(line)}`);
  if (lines.length > SHOWN_LINES) shown.push(`  ${colours.dim(`… ${lines.length - SHOWN_LINES} more lines`)}`);
  if (truncated) shown.push(`  ${colours.yellow(`${name} was cut at its limit`)}`);
  return shown;
}
