import type { CID } from 'multiformats/cid';
import { identityBlock, isVerifiable } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import type { BlockFolder } from './block-folder.ts';
import { createSingleFlight } from './single-flight.ts';
import type { SourceRace } from './sources/source-race.ts';

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
}

export interface BlockReaders {
  /** A reader for one job; blocks it has read once stay at hand for it. */
  reader(caps: ReadCaps, signal: AbortSignal): BlockReader;
}

/** Blocks from the folder, else from the sources; what was fetched is kept in the folder. */
export function createBlockReaders(components: { folder: BlockFolder; sources: SourceRace }): BlockReaders {
  const { folder, sources } = components;
  const flights = createSingleFlight<Uint8Array>();

  async function load(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const local = await folder.get(cid);
    if (local !== undefined) return local;
    const { bytes } = await sources.fetch(cid, signal);
    await folder.put(cid, bytes);
    return bytes;
  }

  return {
    reader(caps, signal) {
      const seen = new Map<string, Promise<Uint8Array>>();
      let bytes = 0;

      async function readFirst(cid: CID): Promise<Uint8Array> {
        const block = identityBlock(cid) ?? (await flights.join(cid.toString(), signal, (shared) => load(cid, shared)));
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
      };
    },
  };
}
