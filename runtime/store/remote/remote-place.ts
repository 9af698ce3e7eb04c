import type { CID } from 'multiformats/cid';
import type { BlockSource } from '../sources/block-source.ts';

/** One state of a remote pin; the words of the IPFS Pinning Service API. */
export type PinStatus = 'queued' | 'pinning' | 'pinned' | 'failed';

export interface RemotePin {
  readonly cid: string;
  readonly name: string;
  readonly status: PinStatus;
  /** ISO 8601, or `null` where the place does not say. */
  readonly pinnedAt: string | null;
}

export interface PinRequest {
  readonly cid: CID;
  readonly name: string;
  /** A CAR of everything below the CID, read only where the place takes one. */
  readonly car: () => AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  readonly onProgress?: ((text: string) => void) | undefined;
}

/**
 * Somewhere else that keeps pins: a Kubo node or a pinning service. Errors are InferbaseErrors that name the place and the
 * remedy: `ERR_SOURCE_UNAVAILABLE` when it is not there or fails, `ERR_PERMISSION_DENIED` when it refuses, `ERR_INTEGRITY`
 * when it answers about another CID.
 */
export interface RemotePlace {
  /** As `--to` names it, without credentials. */
  readonly name: string;
  /** What the place can be asked for blocks with; `null` where it only pins. */
  readonly blocks: BlockSource | null;
  /** Pins and waits until it is done, or for as long as is reasonable. */
  pin(request: PinRequest): Promise<PinStatus>;
  /** @returns whether it was pinned there */
  unpin(cid: CID, signal: AbortSignal): Promise<boolean>;
  list(signal: AbortSignal): Promise<readonly RemotePin[]>;
  close(): Promise<void>;
}
