import { randomUUID } from 'node:crypto';
import { InferbaseError } from '../core/errors.ts';
import type { ExecuteReply, InferenceNode } from '../core/node.ts';
import { describeError } from '../core/wire-code.ts';
import { toOrderedRequest } from '../wire/execute-request.ts';
import { extrasOf } from '../wire/messages/answer-extras.ts';
import type { Dialect } from '../wire/messages/envelope.ts';
import { dialectOf } from '../wire/messages/message.ts';
import type { ExecuteResponseMessage } from '../wire/messages/work-answer.ts';
import type { ExecuteMessage } from '../wire/messages/work-order.ts';

/** Requests of clients that speak libp2p instead of HTTP. */
export interface ClientRequests {
  /**
   * @param from.size of the message, in bytes
   * @returns the answer, in the client's own dialect; `null`: the client is gone
   */
  answer(
    message: ExecuteMessage,
    from: { readonly peerId: string; readonly size: number },
  ): Promise<{ readonly message: ExecuteResponseMessage; readonly dialect: Dialect } | null>;
  /** A client went: its requests end. Without a client: all end. */
  gone(peerId?: string): void;
}

type Sender = Parameters<ClientRequests['answer']>[1];

/** Requests of one client at once, and of all. */
const PER_CLIENT = 64;
const IN_ALL = 1_024;
/** Longest window in which workers are looked for, in s. */
const MAX_TIMEOUT_S = 60;
/** Most bytes of requests that are not answered yet; one alone is always taken. */
const HELD_BYTES = 256 * 1_048_576;

/**
 * @param init.allowed base58 peer ids of the clients that are answered with more than a refusal, or a word that is none; empty: any
 * @param init.heldBytes default 256 MiB
 */
export function createClientRequests(
  { node }: { readonly node: Pick<InferenceNode, 'execute'> },
  { allowed = [], heldBytes = HELD_BYTES }: { readonly allowed?: readonly string[]; readonly heldBytes?: number } = {},
): ClientRequests {
  const byClient = new Map<string, Set<AbortController>>();
  let open = 0;
  let held = 0;

  function begin({ peerId, size }: Sender): { readonly controller: AbortController; end(): void } {
    if (allowed.length > 0 && !allowed.includes(peerId)) {
      const remedy = 'ask its operator to name this node in work.clients, or send the request by HTTP';
      throw new InferbaseError(
        'ERR_PERMISSION_DENIED',
        `this head takes no requests of ${peerId} by libp2p; ${remedy}`,
      );
    }
    const own = byClient.get(peerId) ?? new Set();
    if (own.size >= PER_CLIENT || open >= IN_ALL || (open > 0 && held + size > heldBytes)) {
      const [count, bytes] = [`${own.size} of this client, ${open} in all`, `${held} bytes`];
      throw new InferbaseError('ERR_BUSY', `busy: requests under way are ${count}, of ${bytes}; retry later`);
    }
    const controller = new AbortController();
    byClient.set(peerId, own.add(controller));
    open++;
    held += size;
    return {
      controller,
      end() {
        open--;
        held -= size;
        own.delete(controller);
        if (own.size === 0 && byClient.get(peerId) === own) byClient.delete(peerId);
      },
    };
  }

  async function run(message: ExecuteMessage, from: Sender, requestId: string): Promise<ExecuteResponseMessage | null> {
    const { controller, end } = begin(from);
    try {
      const { signal } = controller;
      // As it came: a head of b7s adds no variable to a request of this kind.
      return toResponse(await node.execute(toOrderedRequest(requestOf(message)), { requestId, signal }));
    } catch (error) {
      if (controller.signal.aborted) return null;
      throw error;
    } finally {
      end();
    }
  }

  return {
    async answer(message, from) {
      const requestId = randomUUID();
      const dialect = clientDialect(message);
      try {
        const response = await run(message, from, requestId);
        return response === null ? null : { message: response, dialect };
      } catch (error) {
        const refusal = { type: 'MsgExecuteResponse', request_id: requestId, ...describeError(error) } as const;
        return { message: refusal, dialect };
      }
    },
    gone(peerId) {
      const reason = new InferbaseError('ERR_CANCELLED', 'the client went before the answer was ready');
      for (const id of peerId === undefined ? [...byClient.keys()] : [peerId]) {
        for (const controller of byClient.get(id) ?? []) controller.abort(reason);
      }
    },
  };
}

function requestOf({
  function_id,
  method,
  parameters,
  config,
  topic,
}: ExecuteMessage): Parameters<typeof toOrderedRequest>[0] {
  return {
    ...(function_id !== undefined && { function_id }),
    ...(method !== undefined && { method }),
    ...(parameters !== undefined && { parameters }),
    ...(config !== undefined && { config: bounded(config) }),
    ...(topic !== undefined && { topic }),
  };
}

/** Anybody may be a client: none holds a place for an hour while it has all workers asked again and again. */
function bounded(config: NonNullable<ExecuteMessage['config']>): NonNullable<ExecuteMessage['config']> {
  const { timeout = 0 } = config;
  return timeout > MAX_TIMEOUT_S ? { ...config, timeout: MAX_TIMEOUT_S } : config;
}

/** A client of `b` writes a time into its request, one of `c` has no field for it. */
function clientDialect(message: ExecuteMessage): Dialect {
  const dialect = dialectOf(message);
  return dialect === 'b' && message.timestamp === undefined ? 'c' : dialect;
}

function toResponse({ requestId, code, results, cluster, remarks }: ExecuteReply): ExecuteResponseMessage {
  const entries = results.map(({ peerId, outcome, attestation = null }) => {
    const { cause, exitCode, message } = outcome;
    const own = cause === 'exited' && exitCode === 0 ? '200' : '500';
    const { result } = extrasOf({ requestId, code: own, outcome, message, attestation });
    return [peerId, { ...result, request_id: requestId }] as const;
  });
  return {
    type: 'MsgExecuteResponse',
    request_id: requestId,
    code,
    ...(entries.length > 0 && { results: Object.fromEntries(entries) }),
    cluster: { peers: cluster },
    message: remarks.join('; '),
  };
}
