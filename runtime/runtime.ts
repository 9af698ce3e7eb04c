import { setTimeout } from 'node:timers/promises';
import { keyPath } from './config/key-path.ts';
import { parseListenAddress } from './config/listen.ts';
import { connectionLimit, consensusOf, listenAddresses, type Settings } from './config/settings.ts';
import { InferbaseError } from './core/errors.ts';
import type { ExecutionContext, Outcome } from './core/execution.ts';
import type { InferenceNode } from './core/node.ts';
import type { WorkerService } from './core/work.ts';
import { createSoloNode } from './execute.ts';
import type { FrontSide } from './p2p/port/front-side.ts';
import type { WorkData } from './p2p/protocols.ts';
import { toFunctionEntry } from './sandbox/function-entry.ts';
import { createSandbox, type Sandbox } from './sandbox/sandbox.ts';
import { type CgiInit, createCgi, hasExtensions } from './services/cgi/cgi.ts';
import type { ProcessGroups } from './services/cgi/process-groups.ts';
import { type Identity, loadIdentity } from './services/identity.ts';
import type { StorePeers } from './store/function-store.ts';
import { createStore, type FunctionStore, type StoredFunction, type StoreInit } from './store/store.ts';
import { countedNetwork, countedNode, countedWorker } from './telemetry/counted.ts';
import { type Counters, createCounters } from './telemetry/counters.ts';
import type { Log } from './telemetry/log.ts';

/** How long closing waits for requests under way before it ends their executions, in ms. */
const DRAIN_MS = 5_000;
/** How long clients then may take to read what they are told, in ms. */
const FAREWELL_MS = 2_000;

/** A node put together: what the command line works with. */
export interface Runtime {
  readonly store: FunctionStore;
  /** Runs a function of the store, or one prepared from a file, with exactly this context. `entry` names the export. */
  run(
    found: StoredFunction & { readonly entry?: string },
    context: ExecutionContext,
    signal?: AbortSignal,
  ): Promise<Outcome>;
  /**
   * The node that answers requests; its key is read, or made, at the first call.
   * @throws InferbaseError when there is a key file that cannot be used, or none can be written
   */
  openNode(): Promise<InferenceNode>;
  /** Resolves when everything that runs functions is up; on a head, nothing does. */
  ready(): Promise<void>;
  /**
   * Serves the REST API at `listen.api`; resolves when it accepts requests and the node is ready. A worker answers there
   * what needs no head: health, and blocks.
   * @throws an error with code `EADDRINUSE` or `EACCES` from the system when it cannot listen there
   */
  listen(): Promise<{ address: string; port: number }>;
  /**
   * Joins the peers of the settings and serves them; does nothing where peers are not enabled on a solo node.
   * @returns multiaddrs to reach this node at
   * @throws InferbaseError `ERR_INVALID_SETTING` when it cannot listen there
   */
  joinPeers(): Promise<readonly string[]>;
  /** What is counted for metrics; `null` where `listen.metrics` is not set. */
  readonly counters: Counters | null;
  /** Ends requests, then executions, then the store; safe to call twice. */
  close(): Promise<void>;
}

/** The extensions of the settings, as their service wants them. */
function extensionsOf({ dir, allora, programs }: Settings['extensions']): CgiInit {
  const known = Object.entries(programs).map(
    ([alias, { command, args, timeoutMs }]) => [alias, { argv: [command, ...args], timeoutMs }] as const,
  );
  return { dir, allora, programs: new Map(known) };
}

/** What the store's libp2p host is to do; with `front`, it is also that of a head or a worker. */
function peersOf(settings: Settings, front: FrontSide | null): StorePeers | undefined {
  const { peers, work, role } = settings;
  if (front === null && !peers.enabled) return undefined;
  const { connect, serve, allow, enabled, maxPerAddress } = peers;
  const maxConnections = connectionLimit(settings);
  const common = { connect, serve, allow, bitswap: enabled, maxConnections, maxPerAddress };
  if (front === null || role === 'solo') return common;
  const { topics, heads, clients, lasting } = work;
  const { deadlineMs } = settings.limits;
  const more: WorkData = { role, topics, heads, clients, lasting, deadlineMs, consensus: consensusOf(settings) };
  return { ...common, entry: 'p2p/thread', more, onPort: (port) => front.connect(port) };
}

/**
 * Opens the node's store under `dataDir`. Threads start when something is run or served.
 * @param more further sources of blocks, see `StoreInit`
 * @throws InferbaseError ERR_STORE_UNAVAILABLE when the data folder cannot be written
 */
export async function openRuntime(
  settings: Settings,
  log: Log,
  groups: ProcessGroups,
  { connectSources }: Pick<StoreInit, 'connectSources'> = {},
): Promise<Runtime> {
  const { role } = settings;
  const counters = settings.listen.metrics === null ? null : createCounters();
  const info = (line: string, fields: object = {}): void => log.info({ ...fields }, line);
  const uses: { worker?: WorkerService; node?: InferenceNode } = {};
  const front = role === 'solo' ? null : (await import('./p2p/port/front-side.ts')).createFrontSide(uses);
  const store = await createStore({
    dataDir: settings.dataDir,
    gateways: settings.gateways,
    peers: peersOf(settings, front),
    ...(connectSources !== undefined && { connectSources }),
    log: info,
  });

  const extensions = extensionsOf(settings.extensions);
  const cgi = createCgi({ groups, log: (line) => log.warn(line) }, extensions);
  let sandbox: Sandbox | null = null;
  const openSandbox = (): Sandbox => {
    sandbox ??= createSandbox({
      threads: settings.sandbox.threads,
      concurrency: settings.limits.concurrency,
      queue: settings.limits.queue,
      poolBytes: settings.limits.poolBytes,
      upstreams: settings.upstreams,
      memoryPages: settings.limits.memoryPages,
      processes: hasExtensions(extensions),
      services: cgi,
      onCatching: (encodings) => store.refuseCatching(encodings),
      log: (line) => log.warn(line),
    });
    return sandbox;
  };
  const openIdentity = (): Promise<Identity> => loadIdentity(keyPath(settings), { create: true });
  const closers: (() => void | Promise<void>)[] = [];
  const createNode = async (): Promise<InferenceNode> => {
    const identity = await openIdentity();
    if (role === 'head' && front !== null) {
      const { openHead } = await import('./head/open-head.ts');
      const network = counters === null ? front.network : countedNetwork(front.network, counters);
      const head = openHead({ identity, network, peers: front.peers, log: info }, settings);
      closers.push(() => head.close());
      const counted = counters === null ? head : countedNode(head, counters);
      uses.node = counted;
      return counted;
    }
    // A worker signs what it answers to heads, which is what came of an order.
    const signs =
      role === 'solo' && settings.work.sign ? (await import('./wire/attestation.ts')).signAttestation : null;
    const solo = createSoloNode(
      {
        ...{ peerId: identity.peerId, store, sandbox: { run: (...args) => openSandbox().run(...args) } },
        ...(signs !== null && { sign: (request, outcome) => signs(identity, { request, outcome }) }),
      },
      { limits: settings.limits, policy: settings.policy.allow, aggregates: role === 'solo' },
    );
    if (role === 'worker') {
      const { openWorker } = await import('./worker/open-worker.ts');
      const trace = log.level === 'debug' ? (line: string, fields: object) => log.debug({ ...fields }, line) : null;
      const worker = await openWorker({ identity, node: solo, store, log: info, trace }, settings);
      uses.worker = counters === null ? worker : countedWorker(worker, counters);
      closers.push(() => worker.close());
    }
    return solo;
  };
  let node: Promise<InferenceNode> | null = null;
  const openNode = (): Promise<InferenceNode> => {
    node ??= createNode();
    return node;
  };

  let stopListening: (() => Promise<void>) | null = null;
  let cutOff: (() => void) | null = null;
  let closing: Promise<void> | null = null;
  let starting: Promise<void> | null = null;
  const start = async (): Promise<void> => {
    if (role !== 'head') {
      await Promise.all([openSandbox().ready, cgi.index()]);
      store.warm();
    }
    store.keepWithin(settings.store.maxBytes);
  };
  const ready = (): Promise<void> => {
    starting ??= start();
    return starting;
  };
  return {
    store,
    counters,
    openNode,
    run: (found, context, signal) => {
      // Threads keep grants for later requests: the input must not be part of one.
      const { limits, permissions } = context;
      return openSandbox().run(toFunctionEntry(found, found.entry), { limits, permissions }, context, signal);
    },
    ready,
    async listen() {
      const wanted = parseListenAddress(settings.listen.api);
      if (wanted === undefined) {
        throw new InferbaseError('ERR_INVALID_SETTING', `listen.api: ${settings.listen.api} is not an address`);
      }
      const { createApi } = await import('./http/api.ts');
      const answers = await openNode();
      const api = await createApi(role === 'worker' ? null : answers, {
        log,
        bodyLimitBytes: settings.limits.bodyBytes,
        webFunctions: settings.web.functions,
        hosts: settings.listen.hosts,
        gateway: settings.store.gateway ? store.local : null,
      });
      stopListening = () => api.close();
      cutOff = () => api.server.closeAllConnections();
      await Promise.all([api.listen({ host: wanted.host, port: wanted.port }), ready()]);
      const bound = api.server.address();
      return bound === null || typeof bound === 'string'
        ? { address: wanted.host, port: wanted.port }
        : { address: bound.address, port: bound.port };
    },
    async joinPeers() {
      if (role === 'solo' && !settings.peers.enabled) return [];
      // A head's or a worker's use cases are there before anybody asks for them.
      await openNode();
      const { privateKey } = await openIdentity();
      return await store.joinPeers({
        privateKey,
        listen: listenAddresses(settings),
        announce: settings.peers.announce,
      });
    },
    close() {
      closing ??= (async () => {
        const stopped = stopListening?.();
        await Promise.race([stopped, setTimeout(DRAIN_MS, undefined, { ref: false })]);
        for (const close of closers) await close();
        front?.close();
        // Requests still open are answered now: their executions end here.
        await sandbox?.close();
        await cgi.close();
        // One that keeps its connection, or is half through with a request, does not keep the node.
        await Promise.race([stopped, setTimeout(FAREWELL_MS, undefined, { ref: false })]);
        cutOff?.();
        await stopped;
        await store.close();
      })();
      return closing;
    },
  };
}
