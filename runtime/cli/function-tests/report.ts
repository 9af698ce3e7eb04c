import type { Colours } from '../colour.ts';
import { printable } from '../terminal.ts';
import { traceLines } from '../trace-lines.ts';
import { quote } from './difference.ts';
import type { TestResult } from './run-test.ts';

/** Host calls shown of one failed test. */
const SHOWN_CALLS = 30;

/** Lines of one test's result; of a failed one, with all that helps to see why. */
export function reportTest(result: TestResult, colours: Colours): string[] {
  const { status, ms } = result;
  const [name, note, at] = [result.name, result.note, result.at].map(printable) as [string, string, string];
  const took = colours.dim(`(${ms.toFixed(1)} ms)`);
  if (status === 'passed') return [`  ${colours.green('✓')} ${name} ${took}`];
  if (status === 'skipped') return [`  ${colours.yellow('-')} ${name} ${colours.dim(`# skipped: ${note}`)}`];
  const lines = [`  ${colours.red('✗')} ${name} ${took}`, colours.dim(`    ${at}`)];
  if (note !== '') lines.push(`    ${note}`);
  for (const { about, lines: parts } of result.differences) {
    lines.push(`    ${about}${about.startsWith('upstream') ? '' : '  (- expected, + actual)'}`);
    for (const part of parts) lines.push(`      ${paintDiff(part, colours)}`);
  }
  return [...lines, ...reportOutcome(result, colours)];
}

function paintDiff(line: string, colours: Colours): string {
  if (line.startsWith('- ')) return colours.red(line);
  return line.startsWith('+ ') ? colours.green(line) : line;
}

function reportOutcome({ outcome, differences }: TestResult, colours: Colours): string[] {
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
  for (const line of traceLines(trace.slice(0, SHOWN_CALLS))) lines.push(colours.dim(`      ${line}`));
  if (trace.length > SHOWN_CALLS) lines.push(`      … ${trace.length - SHOWN_CALLS} more`);
  return lines;
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
