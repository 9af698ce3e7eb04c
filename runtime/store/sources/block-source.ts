import type { CID } from 'multiformats/cid';
import type { ErrorCode } from '../../core/errors.ts';

/** Largest block any IPFS implementation passes on, in bytes. */
export const MAX_BLOCK_BYTES = 2 * 1024 * 1024;

/** A block as it came, not checked by anyone yet. */
export interface UncheckedBlock {
  readonly cid: CID;
  readonly bytes: Uint8Array;
}

/**
 * Somewhere outside this node that may have a block: a trustless gateway, the peers of a bitswap network.
 *
 * A source only fetches. It is not trusted: `createSourceRace` asks all sources at once, hashes what each delivers
 * inside the race (a liar loses it), sets the timeout of a request, remembers who was slow or wrong, and keeps the time
 * each took. So a source has no cache, no retry, no verification and no timeout of its own.
 *
 * Sources are asked on the preparation thread. One whose work is done in another thread is given to it as a port, see
 * `port-source.ts`.
 */
export interface BlockSource {
  /** What the log and errors call it, such as `https://gateway.example/`; without credentials. */
  readonly name: string;
  /**
   * Fetches one block of at most {@link MAX_BLOCK_BYTES}. Many are asked for at the same time.
   * @param options.signal aborts when another source was faster, nobody waits any more, or the time is up; the promise is
   * to reject then, with anything
   * @throws SourceMiss saying whether the source does not have it or failed; anything else counts as a failure
   */
  fetchBlock(cid: CID, options: { readonly signal: AbortSignal }): Promise<Uint8Array>;
  /**
   * Fetches all blocks below a CID, itself included, in one go, where the source can: parents before children, each
   * once. The caller checks every block, may stop early by `return()`, and fetches what did not come one by one.
   * @param options.onBytes to be called with the bytes that come over the wire, so that a silent source can be told from
   * one that is at it
   * @throws SourceMiss as {@link fetchBlock}
   */
  fetchDag?(
    root: CID,
    options: { readonly signal: AbortSignal; readonly onBytes?: (count: number) => void },
  ): AsyncIterable<UncheckedBlock>;
  /** Ends connections; requests still open reject. */
  close?(): Promise<void>;
}

/** Why a source did not deliver, as one of three codes. */
export type MissCode = Extract<ErrorCode, 'ERR_FUNCTION_NOT_FOUND' | 'ERR_INTEGRITY' | 'ERR_SOURCE_UNAVAILABLE'>;

/** A source did not deliver. */
export class SourceMiss extends Error {
  readonly code: MissCode;

  /**
   * @param code `ERR_FUNCTION_NOT_FOUND`: it says that it does not have it; `ERR_SOURCE_UNAVAILABLE`: it failed and might
   * have it; `ERR_INTEGRITY`: what it sent was wrong
   * @param message goes after the source's name and a colon: "answered 404, it does not have it"
   */
  constructor(code: MissCode, message: string) {
    super(message);
    this.name = 'SourceMiss';
    this.code = code;
  }
}

/** Anything a source threw, as a miss. */
export function toMiss(error: unknown): SourceMiss {
  if (error instanceof SourceMiss) return error;
  const text = error instanceof Error ? error.message || error.name : String(error);
  return new SourceMiss('ERR_SOURCE_UNAVAILABLE', `failed: ${text}`);
}
