import type { CID } from 'multiformats/cid';

/** How much below the end of a path belongs to an answer (https://specs.ipfs.tech/http-gateways/trustless-gateway/). */
export type DagScope = 'block' | 'entity' | 'all';

/** Bytes of a file, both ends included; negative ones count from its end. */
export interface ByteSpan {
  readonly from: number;
  /** `null`: to the end. */
  readonly to: number | null;
}

export interface CarRequest {
  readonly cid: CID;
  /** Names below the CID; the blocks on the way are part of the answer. */
  readonly path: readonly string[];
  readonly scope: DagScope;
  /** With scope `entity`, and only where it is a file. */
  readonly span: ByteSpan | null;
}

/** The blocks on this machine, for whoever asks; nothing is ever fetched for them. */
export interface LocalBlocks {
  /** The block, hashed against its CID, or `undefined`. */
  block(cid: CID): Promise<Uint8Array | undefined>;
  /**
   * A CAR of version 1 of what is asked for: depth first, each block once, every one hashed against its CID as it is read.
   * Chunks are made as they are taken.
   * @returns `undefined` when the path leads nowhere here; a block that turns out to be missing later is thrown
   */
  car(request: CarRequest, signal: AbortSignal): Promise<AsyncGenerator<Uint8Array, void, void> | undefined>;
}
