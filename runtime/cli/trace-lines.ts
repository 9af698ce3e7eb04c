import type { HostCallTrace } from '../core/host-call-trace.ts';

/** Host calls as lines: when, how long, which and about what, what it returned, how many bytes. */
export function traceLines(trace: readonly HostCallTrace[]): string[] {
  return trace.map(({ call, detail, atMs, ms, result, bytes }) => {
    const times = `${atMs.toFixed(2).padStart(9)} ms ${`+${ms.toFixed(2)}`.padStart(9)} ms`;
    const about = detail === '' ? '' : ` ${detail}`;
    const returned = result === null ? 'did not return' : `→ ${result}`;
    return `${times}  ${call.slice(call.indexOf('.') + 1)}${about} ${returned}${bytes > 0 ? `, ${bytes} B` : ''}`;
  });
}
