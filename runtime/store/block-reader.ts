import type { CID } from 'multiformats/cid';
import { DAG_PB, identityBlock, isVerifiable } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import type { BlockFolder } from './block-folder.ts';
import { createSingleFlight } from './single-flight.ts';
import { createDagStream, type DagStream } from './sources/dag-stream.ts';
import type { Delivery, SourceRace } from './sources/source-race.ts';
import { createTally, type SourceShare } from './sources/tally.ts';

/** Caps of what one function may make a node read. */
export interface ReadCaps {
  readonly bytes: number;
  readonly blocks: number;
}

/** Verified blocks of one function, counted against its caps; the form UnixFS libraries read from. */
export interface BlockReader {
  /**
   * @throws InferbaseError `ERR_FUNCTION_TOO_LARGE` past a cap, `ERR_INVALID_CID` for a hash that cannot be checked, and
   * whatever the sources say
   */
  read(cid: CID): Promise<Uint8Array>;
  /**
   * Waits until what was fetched is on disk: writing goes on beside the work.
   * @throws InferbaseError `ERR_STORE_UNAVAILABLE` when it cannot be written
   */
  settled(): Promise<void>;
  /** What came from where; empty when all was here. */
  shares(): readonly SourceShare[];
  /** Ends what is still being fetched. */
  close(): void;
}

export interface BlockReaders {
  /** A reader for one job; blocks it has read once stay at hand for it. */
  reader(caps: ReadCaps, signal: AbortSignal): BlockReader;
}

/** A stream that several jobs wait for at the same time. */
interface SharedStream {
  readonly stream: DagStream;
  readonly listeners: Set<(cid: CID, delivery: Delivery) => void>;
}

/**
 * Blocks from the folder, else from the sources; what was fetched is kept in the folder. The first block of a job that is
 * not here asks for everything below it in one go, where a source can do that; what does not come that way is fetched
 * block by block.
 */
export function createBlockReaders(
  components: { folder: BlockFolder; sources: SourceRace },
  init: { readonly patienceMs: number },
): BlockReaders {
  const { folder, sources } = components;
  const flights = createSingleFlight<Delivery | Uint8Array>();
  const streams = new Map<string, SharedStream>();

  function openStream(root: CID, caps: ReadCaps): SharedStream {
    const key = root.toString();
    const known = streams.get(key);
    if (known !== undefined) return known;
    const listeners: SharedStream['listeners'] = new Set();
    const onBlock = (cid: CID, delivery: Delivery): void => {
      for (const listener of listeners) listener(cid, delivery);
    };
    const stream = createDagStream(
      { sources },
      { root, maxBytes: caps.bytes, maxBlocks: caps.blocks, patienceMs: init.patienceMs, onBlock },
    );
    const shared = { stream, listeners };
    streams.set(key, shared);
    void stream.ended.then(() => {
      if (streams.get(key) === shared) streams.delete(key);
    });
    return shared;
  }

  return {
    reader(caps, signal) {
      const seen = new Map<string, Promise<Uint8Array>>();
      const writing = new Set<Promise<void>>();
      const tally = createTally();
      const kept = new WeakSet<Delivery>();
      let failure: unknown;
      let shared: SharedStream | undefined;
      let bytes = 0;

      /** Several jobs may keep the same block: the folder writes it once, or twice the same. */
      function keep(cid: CID, delivery: Delivery): void {
        if (kept.has(delivery)) return;
        kept.add(delivery);
        tally.add(delivery);
        const write = folder.put(cid, delivery.bytes).catch((error: unknown) => {
          failure ??= error;
        });
        writing.add(write);
        void write.finally(() => writing.delete(write));
      }

      /** @returns bytes that were here, or what a source delivered */
      async function load(cid: CID, shareable: AbortSignal): Promise<Delivery | Uint8Array> {
        const local = await folder.get(cid);
        if (local !== undefined) return local;
        if (shared === undefined && cid.code === DAG_PB && sources.streams) {
          shared = openStream(cid, caps);
          shared.listeners.add(keep);
        }
        return (await shared?.stream.wait(cid)) ?? (await sources.fetch(cid, shareable));
      }

      async function readFirst(cid: CID): Promise<Uint8Array> {
        const carried = identityBlock(cid);
        const found = carried ?? (await flights.join(cid.toString(), signal, (shareable) => load(cid, shareable)));
        const block = found instanceof Uint8Array ? found : found.bytes;
        if (!(found instanceof Uint8Array)) keep(cid, found);
        bytes += block.length;
        if (bytes > caps.bytes) {
          throw new InferbaseError(
            'ERR_FUNCTION_TOO_LARGE',
            `The function has more than the ${caps.bytes} bytes that are allowed.`,
          );
        }
        return block;
      }

      return {
        read(cid) {
          if (failure !== undefined) return Promise.reject(failure);
          if (!isVerifiable(cid)) {
            const hash = `0x${cid.multihash.code.toString(16)}`;
            return Promise.reject(
              new InferbaseError(
                'ERR_INVALID_CID',
                `Block ${cid} is hashed with ${hash}; add the function again with sha2-256.`,
              ),
            );
          }
          const key = cid.toString();
          const known = seen.get(key);
          if (known !== undefined) return known;
          if (seen.size >= caps.blocks) {
            return Promise.reject(
              new InferbaseError(
                'ERR_FUNCTION_TOO_LARGE',
                `The function has more than the ${caps.blocks} blocks that are allowed.`,
              ),
            );
          }
          const first = readFirst(cid);
          seen.set(key, first);
          return first;
        },
        async settled() {
          while (writing.size > 0) await Promise.all(writing);
          if (failure !== undefined) throw failure;
        },
        shares: () => tally.shares(),
        close() {
          if (shared === undefined) return;
          shared.listeners.delete(keep);
          if (shared.listeners.size === 0) shared.stream.stop();
        },
      };
    },
  };
}
