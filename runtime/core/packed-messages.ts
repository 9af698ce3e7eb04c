import type { Cause, Outcome } from './execution.ts';
import type { FromSandbox, ToSandbox } from './sandbox-messages.ts';

/**
 * How messages between the front thread and a sandbox thread cross: as JSON text wherever they can, which is copied as it
 * is. Cloning the same arrays takes two to three times as long, and that is most of what a small execution costs.
 */

/** Nothing but executions to start, as nearly every message is. */
const ONLY_RUNS: Omit<ToSandbox, 'runs'> = {
  functions: [],
  grants: [],
  files: [],
  cancels: [],
  droppedFunctions: [],
  droppedGrants: [],
  droppedFiles: [],
};

/** The message, or the text of its runs where it has nothing else and none of them has a standard input. */
export function packRuns(message: ToSandbox): ToSandbox | string {
  const { functions, grants, files, runs, traced, cancels, replies } = message;
  if (functions.length + grants.length + files.length + cancels.length > 0) return message;
  if (traced !== undefined || replies !== undefined) return message;
  const { droppedFunctions, droppedGrants, droppedFiles } = message;
  if (droppedFunctions.length + droppedGrants.length + droppedFiles.length > 0) return message;
  return runs.some(([, , , , , stdin]) => stdin !== null) ? message : JSON.stringify(runs);
}

/** The reverse of `packRuns`. */
export function unpackRuns(packed: ToSandbox | string): ToSandbox {
  return typeof packed === 'string' ? { ...ONLY_RUNS, runs: JSON.parse(packed) } : packed;
}

/** An outcome as an array; output is text, one character a byte, or, where it is large, the index of a buffer. */
export type OutcomeRow = readonly [
  id: number,
  cause: Cause,
  exitCode: number,
  message: string,
  stdout: string | number,
  stderr: string | number,
  /** 1: stdout was truncated; 2: stderr was. */
  truncated: number,
  wallMs: number,
  cpuMs: number,
  fuel: number,
  peakMemoryBytes: number,
  hostCalls: number,
  bytesIn: number,
  bytesOut: number,
];

export type NumberedOutcome = readonly [id: number, outcome: Outcome];

/** Output up to this many bytes is text; more goes in a buffer of its own. */
const TEXT_BYTES = 4096;

/** One outcome without its trace; large output is pushed to `outputs`. */
export function packOutcome(id: number, outcome: Outcome, outputs: Uint8Array[]): OutcomeRow {
  const { cause, exitCode, message, usage } = outcome;
  const truncated = (outcome.stdoutTruncated ? 1 : 0) | (outcome.stderrTruncated ? 2 : 0);
  const { wallMs, cpuMs, fuel, peakMemoryBytes, hostCalls, bytesIn, bytesOut } = usage;
  const [stdout, stderr] = [packOutput(outcome.stdout, outputs), packOutput(outcome.stderr, outputs)];
  const used = [wallMs, cpuMs, fuel, peakMemoryBytes, hostCalls, bytesIn, bytesOut] as const;
  return [id, cause, exitCode, message, stdout, stderr, truncated, ...used];
}

function packOutput(output: Uint8Array, outputs: Uint8Array[]): string | number {
  if (output.length > TEXT_BYTES) return outputs.push(output) - 1;
  if (output.length === 0) return '';
  return Buffer.from(output.buffer, output.byteOffset, output.length).toString('latin1');
}

/** The reverse of `packOutcome`. */
export function unpackOutcome(row: OutcomeRow, outputs: readonly Uint8Array[]): Outcome {
  const [, cause, exitCode, message, packedStdout, packedStderr, truncated, ...numbers] = row;
  const [wallMs, cpuMs, fuel, peakMemoryBytes, hostCalls, bytesIn, bytesOut] = numbers;
  const [stdout, stderr] = [unpackOutput(packedStdout, outputs), unpackOutput(packedStderr, outputs)];
  const usage = { wallMs, cpuMs, fuel, peakMemoryBytes, hostCalls, bytesIn, bytesOut };
  const [stdoutTruncated, stderrTruncated] = [(truncated & 1) !== 0, (truncated & 2) !== 0];
  return { cause, exitCode, message, stdout, stderr, stdoutTruncated, stderrTruncated, usage };
}

function unpackOutput(output: string | number, outputs: readonly Uint8Array[]): Uint8Array {
  if (output === '') return NO_BYTES;
  if (typeof output === 'number') return outputs[output] ?? NO_BYTES;
  const bytes = Buffer.from(output, 'latin1');
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Packs the outcomes of one turn. */
export function packOutcomes(
  outcomes: readonly NumberedOutcome[],
): Pick<FromSandbox, 'outcomes' | 'outputs' | 'traces'> {
  const outputs: Uint8Array[] = [];
  const rows = outcomes.map(([id, outcome]) => packOutcome(id, outcome, outputs));
  const packed = { outcomes: rows.length === 0 ? '' : JSON.stringify(rows), ...(outputs.length > 0 && { outputs }) };
  const traced = outcomes.filter(([, { trace }]) => trace !== undefined);
  if (traced.length === 0) return packed;
  return { ...packed, traces: new Map(traced.map(([id, { trace = [] }]) => [id, trace])) };
}

const NO_BYTES = new Uint8Array(0);

/** The reverse of `packOutcomes`. */
export function unpackOutcomes({
  outcomes,
  outputs = [],
  traces,
}: Pick<FromSandbox, 'outcomes' | 'outputs' | 'traces'>): NumberedOutcome[] {
  if (outcomes === '') return [];
  return (JSON.parse(outcomes) as OutcomeRow[]).map((row) => {
    const [id] = row;
    const outcome = unpackOutcome(row, outputs);
    const trace = traces?.get(id);
    return [id, trace === undefined ? outcome : { ...outcome, trace }];
  });
}

/** The message, or only the text of its outcomes where it has nothing else. */
export function packFromSandbox(message: FromSandbox): FromSandbox | string {
  const { ready, outputs, logs, traces, requests } = message;
  const only = ready === undefined && outputs === undefined && traces === undefined && requests === undefined;
  return only && logs.length === 0 ? message.outcomes : message;
}

/** The reverse of `packFromSandbox`. */
export function unpackFromSandbox(packed: FromSandbox | string): FromSandbox {
  return typeof packed === 'string' ? { outcomes: packed, logs: NO_LOGS } : packed;
}

const NO_LOGS: readonly string[] = [];
