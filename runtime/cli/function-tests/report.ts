import type { HostCallTrace } from '../../core/host-call-trace.ts';
import { quote } from './difference.ts';
import type { TestResult } from './run-test.ts';

/** Host calls shown of one failed test. */
const SHOWN_CALLS = 30;

/** Adds colour on a terminal, nothing elsewhere. */
export type Paint = (colour: 'red' | 'green' | 'yellow' | 'dim', text: string) => string;

const CODES = { red: 31, green: 32, yellow: 33, dim: 2 } as const;

/** @param colours whether there is a terminal that shows them */
export function createPaint(colours: boolean): Paint {
  return (colour, text) => (colours ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text);
}

/** Lines of one test's result; of a failed one, with all that helps to see why. */
export function reportTest(result: TestResult, paint: Paint): string[] {
  const { name, status, ms, note, at } = result;
  const took = paint('dim', `(${ms.toFixed(1)} ms)`);
  if (status === 'passed') return [`  ${paint('green', '✓')} ${name} ${took}`];
  if (status === 'skipped') return [`  ${paint('yellow', '-')} ${name} ${paint('dim', `# skipped: ${note}`)}`];
  const lines = [`  ${paint('red', '✗')} ${name} ${took}`, paint('dim', `    ${at}`)];
  if (note !== '') lines.push(`    ${note}`);
  for (const { about, lines: parts } of result.differences) {
    lines.push(`    ${about}${about.startsWith('upstream') ? '' : '  (- expected, + actual)'}`);
    for (const part of parts) lines.push(`      ${paintDiff(part, paint)}`);
  }
  return [...lines, ...reportOutcome(result, paint)];
}

function paintDiff(line: string, paint: Paint): string {
  if (line.startsWith('- ')) return paint('red', line);
  return line.startsWith('+ ') ? paint('green', line) : line;
}

function reportOutcome({ outcome, differences }: TestResult, paint: Paint): string[] {
  if (outcome === null) return [];
  const lines: string[] = [];
  const decoder = new TextDecoder();
  const shown = new Set(differences.map(({ about }) => about));
  for (const stream of ['stdout', 'stderr'] as const) {
    if (shown.has(stream) || outcome[stream].length === 0) continue;
    lines.push(`    ${stream} was`);
    const text = decoder.decode(outcome[stream]).trimEnd().split('\n');
    for (const line of text.slice(0, SHOWN_CALLS)) lines.push(`      ${quote(line)}`);
    if (text.length > SHOWN_CALLS) lines.push(`      … ${text.length - SHOWN_CALLS} more lines`);
  }
  const trace = outcome.trace ?? [];
  lines.push(`    host calls${trace.length === 0 ? ': none' : ''}`);
  for (const line of traceLines(trace.slice(0, SHOWN_CALLS))) lines.push(paint('dim', `      ${line}`));
  if (trace.length > SHOWN_CALLS) lines.push(`      … ${trace.length - SHOWN_CALLS} more`);
  return lines;
}

/** Host calls as lines: when, how long, which, what it returned. */
export function traceLines(trace: readonly HostCallTrace[]): string[] {
  return trace.map(({ call, detail, atMs, ms, result, bytes }) => {
    const times = `${atMs.toFixed(2).padStart(9)} ms ${`+${ms.toFixed(2)}`.padStart(9)} ms`;
    const about = detail === '' ? '' : ` ${detail}`;
    const returned = result === null ? 'did not return' : `→ ${result}`;
    return `${times}  ${call.slice(call.indexOf('.') + 1)}${about} ${returned}${bytes > 0 ? `, ${bytes} B` : ''}`;
  });
}

/** A result as scripts read it. */
export function resultJson(result: TestResult): Record<string, unknown> {
  const { name, at, status, ms, note, differences, outcome } = result;
  const decoder = new TextDecoder();
  const seen =
    outcome === null
      ? null
      : { ...outcome, stdout: decoder.decode(outcome.stdout), stderr: decoder.decode(outcome.stderr) };
  return {
    name,
    at,
    status,
    ms,
    ...(note === '' ? {} : { note }),
    differences,
    outcome: status === 'failed' ? seen : null,
  };
}
