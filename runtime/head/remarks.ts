import { type ErrorCode, InferbaseError } from '../core/errors.ts';
import type { ExecuteRequest } from '../core/node.ts';
import type { Gathered } from './gather.ts';

/** Peers and reasons that are told by name; of more, the number is. */
const MAX_NAMED = 5;
const MAX_REASONS = 10;

/**
 * What the caller should know beside the results: what was not done as asked, and which workers gave none and why.
 * @param request.consensus that was asked for and is not what it was run with; empty: nothing of that kind
 */
export function remarksOn(
  { consensus }: Pick<ExecuteRequest, 'consensus'>,
  { results, workers, failures, isSettled }: Gathered,
  waitMs: number,
): string[] {
  const remarks: string[] = [];
  if (consensus !== '') {
    remarks.push(`consensus ${consensus.slice(0, 64)} was asked for; the workers ran the function without it`);
  }
  const answered = new Set(results.map(({ peerId }) => peerId));
  const silent = isSettled ? [] : workers.filter((id) => !answered.has(id) && !failures.has(id));
  if (silent.length > 0) remarks.push(`no answer within ${waitMs} ms from ${named(silent)}`);
  const byReason = Map.groupBy(failures, ([, { reason }]) => reason);
  for (const [reason, entries] of byReason) {
    if (remarks.length > MAX_REASONS) break;
    remarks.push(`no result from ${named(entries.map(([id]) => id))}: ${reason}`);
  }
  return remarks;
}

/** Peer ids in a text: some by name, of more the number. */
export function named(peerIds: readonly string[]): string {
  const more = peerIds.length - MAX_NAMED;
  return peerIds.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

const SAID: ReadonlyMap<string, ErrorCode> = new Map([
  ['400', 'ERR_INVALID_REQUEST'],
  ['403', 'ERR_PERMISSION_DENIED'],
  ['404', 'ERR_FUNCTION_NOT_FOUND'],
  ['503', 'ERR_BUSY'],
]);

/** What all workers said alike that kept them from running it, as the solo node would say it; else `null`. */
export function commonRefusal({ results, workers, failures }: Gathered): InferbaseError | null {
  if (results.length > 0 || workers.some((id) => !failures.has(id))) return null;
  const codes = new Set(Array.from(failures.values(), ({ code }) => code));
  const [only = ''] = codes;
  const code = codes.size === 1 ? SAID.get(only) : undefined;
  if (code === undefined) return null;
  const reasons = new Set(Array.from(failures, ([id, { reason }]) => `worker ${id}: ${reason}`));
  return new InferbaseError(code, [...reasons].slice(0, MAX_NAMED).join('; '));
}
