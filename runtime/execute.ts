import { LRUCache } from 'lru-cache';
import { aggregate, parseAggregation } from './core/aggregation/aggregation.ts';
import type { BlocklessRequest } from './core/blockless-request.ts';
import { splitMethod } from './core/entry-call.ts';
import { InferbaseError } from './core/errors.ts';
import type { Outcome } from './core/execution.ts';
import { clampLimits, type Limits } from './core/limits.ts';
import type { ExecuteReply, ExecuteRequest, InferenceNode, PeerResult } from './core/node.ts';
import { intersectPermissions } from './core/permissions.ts';
import type { Grant } from './core/sandbox-messages.ts';
import type { Attestation } from './core/work.ts';
import { toFunctionEntry } from './sandbox/function-entry.ts';
import type { Sandbox } from './sandbox/sandbox.ts';
import type { FunctionStore, StoredFunction } from './store/store.ts';

/** How many requests' results are kept for `/requests/result`. */
const KEPT_RESULTS = 1_000;
/** And of how many bytes of output at most. */
const KEPT_BYTES = 64 * 1_048_576;

export interface ExecuteComponents {
  readonly peerId: string;
  readonly store: Pick<FunctionStore, 'get'>;
  readonly sandbox: Pick<Sandbox, 'run'>;
  /** Signs what came of a request; left out: nothing is signed. */
  readonly sign?: (request: BlocklessRequest, outcome: Outcome) => Attestation;
}

export interface ExecuteInit {
  /** The operator's limits: the ceiling. */
  readonly limits: Limits;
  /** The operator's permission lines: the ceiling. */
  readonly policy: readonly string[];
  /**
   * Whether results are added up to a number where a request asks for it; a worker leaves that to its head, which may mean
   * something else by what it passes on.
   */
  readonly aggregates: boolean;
}

/** The use cases of a solo node, which is its own only peer. */
export function createSoloNode(components: ExecuteComponents, init: ExecuteInit): InferenceNode {
  const { peerId, store, sandbox, sign } = components;
  const kept = new LRUCache<string, readonly PeerResult[]>({
    max: KEPT_RESULTS,
    maxSize: KEPT_BYTES,
    sizeCalculation: (results) => results.reduce((sum, { outcome }) => sum + keptBytes(outcome), 0),
  });
  /** Nearly every request asks for nothing of its own: those of functions with one manifest share one grant. */
  const plainGrants = new WeakMap<object, Grant>();

  function grantOf(request: ExecuteRequest, found: StoredFunction): Grant {
    if (!asksNothing(request)) return grantFor(request, found, init);
    const key = found.manifest ?? NO_MANIFEST;
    const grant = plainGrants.get(key) ?? grantFor(ASKS_NOTHING, found, init);
    plainGrants.set(key, grant);
    return grant;
  }

  return {
    peerId,
    async execute(request, { requestId, signal }): Promise<ExecuteReply> {
      if (request.nodeCount > 1) {
        throw new InferbaseError(
          'ERR_NOT_ENOUGH_NODES',
          `${request.nodeCount} nodes were asked for and this node is alone; ask for 1 or −1`,
        );
      }
      const aggregation = init.aggregates ? parseAggregation(request.body.config?.result_aggregation) : null;
      const method = splitMethod(request.method);
      const found = await store.get(request.functionId, { method: method.file, signal });
      const grant = grantOf(request, found);
      checkStdin(request, grant.limits);
      const { env, stdin } = request;
      const input = { args: [found.name, ...request.parameters], env, stdin, files: found.files };
      const outcome = await sandbox.run(toFunctionEntry(found, method.export), grant, input, signal);
      const results = [{ peerId, outcome, ...(sign !== undefined && { attestation: sign(request.body, outcome) }) }];
      kept.set(requestId, results);
      return {
        ...{ requestId, code: '200', results, cluster: [peerId], remarks: remarksOn(request) },
        ...(aggregation !== null && { aggregate: aggregate(aggregation, results) }),
      };
    },
    async install(cid, { signal }) {
      await store.get(cid, { method: '', signal });
    },
    results: async (requestId) => kept.get(requestId),
  };
}

function keptBytes({ stdout, stderr }: Outcome): number {
  return 256 + stdout.length + stderr.length;
}

function checkStdin(request: ExecuteRequest, limits: Limits): void {
  if (request.stdin.length <= limits.stdinBytes) return;
  throw new InferbaseError(
    'ERR_INVALID_REQUEST',
    `stdin has ${request.stdin.length} bytes and the limit is ${limits.stdinBytes}; send less or raise limits.stdinBytes`,
  );
}

/** What a guest of this request may use and reach: the operator's ceiling, narrowed by manifest, then by request. */
function grantFor(
  request: Pick<ExecuteRequest, 'limits' | 'permissions'>,
  found: StoredFunction,
  init: ExecuteInit,
): Grant {
  const { manifest } = found;
  return {
    limits: clampLimits(init.limits, manifest === null ? {} : manifest.limits, request.limits),
    permissions: intersectPermissions({
      policy: init.policy,
      manifest: manifest === null ? null : manifest.permissions,
      request: request.permissions,
    }),
  };
}

const NO_MANIFEST = {};
const ASKS_NOTHING: Pick<ExecuteRequest, 'limits' | 'permissions'> = { limits: {}, permissions: null };

function asksNothing({ limits, permissions }: ExecuteRequest): boolean {
  if (permissions !== null) return false;
  for (const _key in limits) return false;
  return true;
}

function remarksOn(request: ExecuteRequest): string[] {
  if (request.consensus === '') return [];
  return [`consensus ${request.consensus} was asked for; this node is alone and ran the function once, without it`];
}
