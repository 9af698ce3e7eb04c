import type { Outcome, Usage } from '../core/execution.ts';
import type { PeerResult } from '../core/node.ts';
import { encodeFields, toFields } from '../wire/attestation-fields.ts';
import { encodeString } from '../wire/go-json.ts';
import { toText } from '../wire/go-writer.ts';

/** `{"stdout","stderr","exit_code"}` of b7s; bytes that are not UTF-8 become U+FFFD. */
export function encodeResult(outcome: Outcome): string {
  const stdout = encodeString(toText(outcome.stdout));
  return `{"stdout":${stdout},"stderr":${encodeString(toText(outcome.stderr))},"exit_code":${outcome.exitCode}}`;
}

/**
 * b7s's usage (models/execute/result.go), zero values omitted as there: `wall_clock_time` and
 * `cpu_user_time` in whole nanoseconds, `memory_max_kb`; and ours, `fuel`, `host_calls`, `bytes_in` and `bytes_out`.
 */
function encodeUsage(usage: Usage): string {
  // Joined by hand: this is written for every answer.
  let fields = '';
  const add = (name: string, value: number): void => {
    if (value > 0) fields += `${fields === '' ? '' : ','}"${name}":${value}`;
  };
  const wallNs = Math.round(usage.wallMs * 1e6);
  const memoryKb = Math.ceil(usage.peakMemoryBytes / 1024);
  const cpuNs = Math.round(usage.cpuMs * 1e6);
  add('wall_clock_time', wallNs);
  add('cpu_user_time', cpuNs);
  add('memory_max_kb', memoryKb);
  add('fuel', usage.fuel);
  add('host_calls', usage.hostCalls);
  add('bytes_in', usage.bytesIn);
  add('bytes_out', usage.bytesOut);
  return `{${fields}}`;
}

/** What b7s has no field for, one peer's entry of a result's `metadata`. */
export function encodeMetadata({ outcome, attestation }: PeerResult): string {
  const cut: string[] = [];
  if (outcome.stdoutTruncated) cut.push('"stdout"');
  if (outcome.stderrTruncated) cut.push('"stderr"');
  const truncated = cut.length === 0 ? '' : `,"truncated":[${cut.join(',')}]`;
  const signed = attestation === undefined ? '' : `,"attestation":${encodeFields(toFields(attestation))}`;
  return `{"cause":"${outcome.cause}","usage":${encodeUsage(outcome.usage)}${truncated}${signed}}`;
}

/** The peer → result map that `requests/result` answers; the code of a peer is 200 where its function exited 0. */
export function encodePeerResults(requestId: string, results: readonly PeerResult[]): string {
  const id = encodeString(requestId);
  const entries = results.map((result) => {
    const { peerId, outcome, attestation } = result;
    const code = outcome.cause === 'exited' && outcome.exitCode === 0 ? '200' : '500';
    const fields = `"code":"${code}","result":${encodeResult(outcome)},"request_id":${id}`;
    const metadata = attestation === undefined ? '' : `,"metadata":${encodeMetadata(result)}`;
    return `${encodeString(peerId)}:{${fields},"usage":${encodeUsage(outcome.usage)}${metadata}}`;
  });
  return `{${entries.join(',')}}\n`;
}

/** What there is to say of a guest: that it did not exit 0, that its output was cut; else empty. */
export function describeEnd(outcome: Outcome): string {
  const { cause, exitCode, message } = outcome;
  const said: string[] = [];
  if (cause !== 'exited' || exitCode !== 0) {
    said.push(`function ended with cause ${cause}, exit code ${exitCode}${message === '' ? '' : `: ${message}`}`);
  }
  if (outcome.stdoutTruncated) said.push(`stdout was cut after ${outcome.stdout.length} bytes`);
  if (outcome.stderrTruncated) said.push(`stderr was cut after ${outcome.stderr.length} bytes`);
  return said.join('; ');
}
