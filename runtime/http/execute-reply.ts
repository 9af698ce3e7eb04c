import type { ExecuteReply, NumericAggregate, PeerResult } from '../core/node.ts';
import { describeError } from '../core/wire-code.ts';
import { encodeString } from '../wire/go-json.ts';
import { describeEnd, encodeMetadata, encodeResult } from './peer-result.ts';

/**
 * The answer to an execute request whose function ran, fields in the order of the inference base image:
 * `code, request_id, message, results, cluster`; in a result `result, peers, frequency, metadata`. Ours, and last:
 * `aggregate`, where the request asked for it.
 */
export function encodeExecuteReply({ requestId, code, results, cluster, remarks, aggregate }: ExecuteReply): string {
  const message = describeReply(results, remarks);
  const said = message === '' ? '' : `,"message":${encodeString(message)}`;
  const head = `{"code":"${code}","request_id":${encodeString(requestId)}${said}`;
  const peers = cluster.length === 0 ? '{}' : `{"peers":[${cluster.map(encodeString).join(',')}]}`;
  const tail = `"cluster":${peers}${aggregate === undefined ? '' : `,"aggregate":${encodeAggregate(aggregate)}`}}\n`;
  return results.length === 0 ? `${head},${tail}` : `${head},"results":[${encodeGroups(results)}],${tail}`;
}

/** The value is text: a reader's doubles would round it. */
function encodeAggregate({ type, value, count, excluded }: NumericAggregate): string {
  const without = excluded.map(
    ({ peerId, reason }) => `{"peer":${encodeString(peerId)},"reason":${encodeString(reason)}}`,
  );
  const fields = `"type":"${type}","value":${value === null ? 'null' : `"${value}"`},"count":${count}`;
  return `{${fields},"excluded":[${without.join(',')}]}`;
}

/** Empty when every function exited 0 and there is nothing to remark. */
function describeReply(results: readonly PeerResult[], remarks: readonly string[]): string {
  const [only] = results;
  if (results.length === 1 && remarks.length === 0 && only !== undefined) return describeEnd(only.outcome);
  const texts = new Set<string>();
  for (const { outcome } of results) {
    const text = describeEnd(outcome);
    if (text !== '') texts.add(text);
  }
  return [...texts, ...remarks].join('; ');
}

/** Identical (stdout, stderr, exit code) make one entry; most frequent first, then by peer id, whoever came first. */
function encodeGroups(results: readonly PeerResult[]): string {
  const [only] = results;
  if (only !== undefined && results.length === 1) return encodeGroup(encodeResult(only.outcome), results, 100);
  const groups = new Map<string, PeerResult[]>();
  for (const result of results) {
    const encoded = encodeResult(result.outcome);
    const members = groups.get(encoded);
    if (members === undefined) groups.set(encoded, [result]);
    else members.push(result);
  }
  for (const members of groups.values()) members.sort(byPeerId);
  return Array.from(groups)
    .sort(([, a], [, b]) => b.length - a.length || byPeerId(a[0], b[0]))
    .map(([encoded, members]) => encodeGroup(encoded, members, (100 * members.length) / results.length))
    .join(',');
}

function encodeGroup(result: string, members: readonly PeerResult[], frequency: number): string {
  let metadata = '';
  for (const member of members) {
    metadata += `${metadata === '' ? '' : ','}${encodeString(member.peerId)}:${encodeMetadata(member)}`;
  }
  return `{"result":${result},"peers":${encodePeers(members)},"frequency":${frequency},"metadata":{${metadata}}}`;
}

function encodePeers(results: readonly PeerResult[]): string {
  return `[${results.map(({ peerId }) => encodeString(peerId)).join(',')}]`;
}

function byPeerId(a: PeerResult | undefined, b: PeerResult | undefined): number {
  return (a?.peerId ?? '') < (b?.peerId ?? '') ? -1 : 1;
}

/** The answer to an execute request whose function never ran. */
export function encodeExecuteError(requestId: string, error: unknown): string {
  const { code, message } = describeError(error);
  const id = encodeString(requestId);
  return `{"code":"${code}","request_id":${id},"message":${encodeString(message)},"cluster":{}}\n`;
}
