import { type Cause, isCause, NO_USAGE, type Outcome, type Usage } from '../../core/execution.ts';
import { causeOfExitCode } from '../../core/exit-codes.ts';
import type { WorkAnswer } from '../../core/work.ts';
import { ATTESTATION, type AttestationFields, encodeFields, fromFields, toFields } from '../attestation-fields.ts';
import { exactBytes } from '../exact-bytes.ts';
import { BOOL, FLOAT64, STRING, struct, UINT64 } from '../go-json.ts';
import { flag, float, integer, object, optional, text, textPointer, toText } from '../go-writer.ts';
import type { NodeResult } from './node-result.ts';
import { MAX_TEXT, shortened } from './required.ts';

/** Ours, the field `inferbase` of an answer: what the outcome of an execution has and Go's structs do not. */
export interface AnswerExtras {
  readonly cause?: string;
  /** What happened, in a few words. */
  readonly detail?: string;
  /** base64 of output that is not UTF-8. */
  readonly stdout?: string;
  readonly stderr?: string;
  readonly stdout_truncated?: boolean;
  readonly stderr_truncated?: boolean;
  readonly fuel?: number;
  readonly host_calls?: number;
  readonly bytes_in?: number;
  readonly bytes_out?: number;
  readonly peak_memory_bytes?: number;
  readonly attestation?: AttestationFields;
}

export const ANSWER_EXTRAS = struct('response.Inferbase', {
  cause: STRING,
  detail: STRING,
  stdout: STRING,
  stderr: STRING,
  stdout_truncated: BOOL,
  stderr_truncated: BOOL,
  fuel: FLOAT64,
  host_calls: UINT64,
  bytes_in: UINT64,
  bytes_out: UINT64,
  peak_memory_bytes: UINT64,
  attestation: ATTESTATION,
});

export const encodeAnswerExtras = object<AnswerExtras>(
  text('cause'),
  text('detail'),
  textPointer('stdout'),
  textPointer('stderr'),
  flag('stdout_truncated'),
  flag('stderr_truncated'),
  float('fuel'),
  integer('host_calls'),
  integer('bytes_in'),
  integer('bytes_out'),
  integer('peak_memory_bytes'),
  optional('attestation', encodeFields),
);

/** An answer as Go's result, and what does not fit into it. Usage in ns, as b7s has it. */
export function extrasOf({ outcome, attestation, code }: WorkAnswer): {
  readonly result: NodeResult | null;
  readonly extras: AnswerExtras | null;
} {
  if (outcome === null) return { result: null, extras: null };
  const { usage } = outcome;
  const stdout = toText(outcome.stdout);
  const stderr = toText(outcome.stderr);
  const result: NodeResult = {
    // Without one it would read as no result at all.
    code: code === '' ? '200' : code,
    result: { stdout, stderr, exit_code: outcome.exitCode },
    usage: {
      wall_clock_time: Math.round(Math.min(usage.wallMs * 1e6, MAX_NS)),
      cpu_user_time: Math.round(Math.min(usage.cpuMs * 1e6, MAX_NS)),
      memory_max_kb: Math.ceil(usage.peakMemoryBytes / 1024),
    },
  };
  const extras: AnswerExtras = {
    cause: outcome.cause,
    detail: outcome.message,
    ...(stdout.includes(REPLACEMENT) && { stdout: Buffer.from(outcome.stdout).toString('base64') }),
    ...(stderr.includes(REPLACEMENT) && { stderr: Buffer.from(outcome.stderr).toString('base64') }),
    stdout_truncated: outcome.stdoutTruncated,
    stderr_truncated: outcome.stderrTruncated,
    fuel: usage.fuel,
    host_calls: usage.hostCalls,
    bytes_in: usage.bytesIn,
    bytes_out: usage.bytesOut,
    peak_memory_bytes: usage.peakMemoryBytes,
    ...(attestation !== null && { attestation: toFields(attestation) }),
  };
  return { result, extras };
}

/** Eleven days, in ns; what is longer, nobody has run. */
const MAX_NS = 1e15;
const REPLACEMENT = '\ufffd';

/** `null` for a result that says nothing: the function never ran. */
export function toOutcome(result: NodeResult | undefined, extras: AnswerExtras): Outcome | null {
  // A node of `c` that never ran it sends an empty result.
  if (result === undefined || (result.code ?? '') === '') return null;
  const { stdout = '', stderr = '', exit_code: exitCode = 0 } = result.result ?? {};
  return {
    cause: causeOf(extras.cause, exitCode),
    exitCode,
    message: shortened(extras.detail, MAX_TEXT),
    stdout: exactBytes(stdout, extras.stdout),
    stderr: exactBytes(stderr, extras.stderr),
    stdoutTruncated: extras.stdout_truncated ?? false,
    stderrTruncated: extras.stderr_truncated ?? false,
    usage: usageOf(result, extras),
  };
}

function usageOf({ usage = {} }: NodeResult, extras: AnswerExtras): Usage {
  const { wall_clock_time = 0, cpu_user_time = 0, cpu_sys_time = 0, memory_max_kb = 0 } = usage;
  return {
    ...NO_USAGE,
    wallMs: amount(wall_clock_time, MAX_NS) / 1e6,
    cpuMs: amount(cpu_user_time + cpu_sys_time, MAX_NS) / 1e6,
    fuel: amount(extras.fuel),
    peakMemoryBytes: amount(extras.peak_memory_bytes ?? memory_max_kb * 1024),
    hostCalls: amount(extras.host_calls),
    bytesIn: amount(extras.bytes_in),
    bytesOut: amount(extras.bytes_out),
  };
}

/** What a stranger says was used, within what can be counted. */
function amount(value = 0, most = Number.MAX_SAFE_INTEGER): number {
  return Math.min(Math.max(0, value), most);
}

function causeOf(told: string | undefined, exitCode: number): Cause {
  if (told !== undefined && isCause(told)) return told;
  return causeOfExitCode(exitCode);
}

/** The attestation that came with an answer. */
export function attestationOf(extras: AnswerExtras): WorkAnswer['attestation'] {
  return extras.attestation === undefined ? null : fromFields(extras.attestation);
}
