import type { CID } from 'multiformats/cid';
import { identityBlock, RAW } from '../../core/cid.ts';
import { linksOf } from '../dag-links.ts';
import { blockKey } from '../dag-walk.ts';
import type { Delivery, SourceRace } from './source-race.ts';

/** Less than this within that time is little: a source that drips keeps nobody waiting. */
const LITTLE_BYTES = 16 * 1024;
/** Sources that are asked for the whole, one after the other, until one starts to deliver. */
const MAX_TRIES = 3;

/** All blocks of a DAG on their way here in one answer. */
export interface DagStream {
  /**
   * Waits for a block. `undefined`: it does not come this way, or not soon; whoever needs it fetches it alone.
   */
  wait(cid: CID): Promise<Delivery | undefined>;
  /** Settles once nothing more comes. Never rejects. */
  readonly ended: Promise<void>;
  stop(): void;
}

export interface DagStreamInit {
  readonly root: CID;
  /** Bytes of blocks after which the rest is left to whoever needs it. */
  readonly maxBytes: number;
  readonly maxBlocks: number;
  /** How long a reader waits for a block of a stream that brings little, in ms. */
  readonly patienceMs: number;
  /** Called with every block, verified, and part of the DAG. */
  readonly onBlock: (cid: CID, delivery: Delivery) => void;
}

/**
 * Fetches a whole DAG in one request, from the best source that can. A block counts only if it is true and named by one
 * that came before (`order=dfs` gives that); a source that breaks this, or ends with blocks missing, is left with what it
 * has brought until then, and the rest is for the race of single blocks.
 */
export function createDagStream(components: { readonly sources: SourceRace }, init: DagStreamInit): DagStream {
  const { root, onBlock } = init;
  const stopped = new AbortController();
  const arrived = new Map<string, Delivery>();
  /** Named by a block that arrived, not here yet, and those who wait for it. */
  const wanted = new Map<string, PromiseWithResolvers<Delivery | undefined>>();
  let bytes = 0;
  /** All that came over the wire, to tell silence. */
  let received = 0;
  let stalled = false;
  let over = false;

  const want = (cid: CID): void => {
    const key = blockKey(cid);
    if (!arrived.has(key) && !wanted.has(key) && identityBlock(cid) === undefined) {
      wanted.set(key, Promise.withResolvers());
    }
  };

  /** @returns why the stream is to end here, or `null` */
  async function take(cid: CID, delivery: Delivery): Promise<'stray' | 'full' | null> {
    const key = blockKey(cid);
    bytes += delivery.bytes.length;
    if (bytes > init.maxBytes || arrived.size >= init.maxBlocks) return 'full';
    if (arrived.has(key)) return null;
    const waiting = wanted.get(key);
    if (waiting === undefined) return 'stray';
    wanted.delete(key);
    arrived.set(key, delivery);
    // Before anyone can ask for them.
    if (cid.code !== RAW) for (const link of await linksOf(cid, delivery.bytes)) want(link);
    stalled = false;
    onBlock(cid, delivery);
    waiting.resolve(delivery);
    return null;
  }

  async function run(): Promise<void> {
    want(root);
    const tried = new Set<string>();
    for (let tries = 0; tries < MAX_TRIES && !stopped.signal.aborted; tries++) {
      const { signal } = stopped;
      const onBytes = (count: number): void => {
        received += count;
      };
      const began = await components.sources.streamDag(root, {
        signal,
        tried,
        take,
        onBytes,
        isWhole: () => wanted.size === 0,
      });
      if (began !== 'refused') break;
    }
  }

  const ended = run()
    .catch(() => {})
    .finally(() => {
      over = true;
      for (const waiting of wanted.values()) waiting.resolve(undefined);
      wanted.clear();
    });

  return {
    ended,
    async wait(cid) {
      const key = blockKey(cid);
      const here = arrived.get(key);
      if (here !== undefined) return here;
      const waiting = wanted.get(key);
      if (waiting === undefined || over || stalled) return undefined;
      for (;;) {
        const before = received;
        const timer = Promise.withResolvers<undefined>();
        const timeout = setTimeout(timer.resolve, init.patienceMs, undefined);
        const found = await Promise.race([waiting.promise, timer.promise]);
        clearTimeout(timeout);
        if (found !== undefined || over) return found;
        if (received - before < LITTLE_BYTES) {
          stalled = true;
          // Nothing of it has come: what comes one by one now need not come twice.
          if (arrived.size === 0) stopped.abort();
          return undefined;
        }
      }
    },
    stop: () => stopped.abort(),
  };
}
