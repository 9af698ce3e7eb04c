import { varint } from '../varint.ts';
import { fields } from './protobuf.ts';

/**
 * Messages of bitswap 1.2.0 (https://specs.ipfs.tech/bitswap-protocol/): protobuf, each with its length as a varint
 * before it. Written here and not taken from a library so that every count is bounded while it is read.
 */

/** Largest message that is read, as in Kubo. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Entries of each kind that are read of one message; what comes after them is not looked at. */
export const MAX_ENTRIES = 1024;
/** Longer bytes are no CID that we could verify. */
const MAX_CID_BYTES = 160;

export interface Want {
  readonly cid: Uint8Array;
  /** Takes an earlier want back. */
  readonly cancel: boolean;
  /** Whether the peer has it, instead of the block itself. */
  readonly onlyHave: boolean;
  /** Say so when the block is not there; without it there is silence. */
  readonly sendDontHave: boolean;
}

export interface BitswapMessage {
  readonly wants: readonly Want[];
  /**
   * A block comes without its CID: version, codec and hash in the prefix, the rest is for the reader to work out. The
   * data is a view of the message.
   */
  readonly blocks: readonly { readonly prefix: Uint8Array; readonly data: Uint8Array }[];
  readonly presences: readonly { readonly cid: Uint8Array; readonly has: boolean }[];
}

/** @returns the message with its length before it, in pieces to be sent in this order */
export function encodeMessage({
  wants = [],
  blocks = [],
  presences = [],
}: Partial<BitswapMessage>): readonly Uint8Array[] {
  const entries = wants.map(({ cid, cancel, onlyHave, sendDontHave }) =>
    field(1, [
      ...field(1, [cid]),
      varintField(2, 1),
      ...(cancel ? [varintField(3, 1)] : []),
      ...(onlyHave ? [varintField(4, 1)] : []),
      ...(sendDontHave ? [varintField(5, 1)] : []),
    ]),
  );
  const pieces = [
    entries.length > 0 ? field(1, entries.flat()) : [],
    ...blocks.map(({ prefix, data }) => field(3, [...field(1, [prefix]), ...field(2, [data])])),
    ...presences.map(({ cid, has }) => field(4, [...field(1, [cid]), varintField(2, has ? 0 : 1)])),
  ].flat();
  return [varint(sum(pieces)), ...pieces];
}

function field(number: number, content: readonly Uint8Array[]): Uint8Array[] {
  return [varint((number << 3) | 2), varint(sum(content)), ...content];
}

function varintField(number: number, value: number): Uint8Array {
  return Uint8Array.of(number << 3, value);
}

function sum(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((total, piece) => total + piece.length, 0);
}

/**
 * Reads a message without the length before it.
 * @throws InferbaseError `ERR_INTEGRITY` when it is none
 */
export function decodeMessage(bytes: Uint8Array): BitswapMessage {
  const wants: Want[] = [];
  const blocks: { prefix: Uint8Array; data: Uint8Array }[] = [];
  const presences: { cid: Uint8Array; has: boolean }[] = [];
  for (const [number, value] of fields(bytes)) {
    if (!(value instanceof Uint8Array)) continue;
    if (number === 1) {
      for (const [inner, entry] of fields(value)) {
        if (inner !== 1 || !(entry instanceof Uint8Array) || wants.length >= MAX_ENTRIES) continue;
        const want = readWant(entry);
        if (want !== undefined) wants.push(want);
      }
    } else if (number === 3 && blocks.length < MAX_ENTRIES) {
      const parts = collect(value);
      blocks.push({ prefix: bytesOf(parts, 1), data: bytesOf(parts, 2) });
    } else if (number === 4 && presences.length < MAX_ENTRIES) {
      const parts = collect(value);
      presences.push({ cid: bytesOf(parts, 1), has: numberOf(parts, 2) === 0 });
    }
  }
  return { wants, blocks, presences };
}

function readWant(bytes: Uint8Array): Want | undefined {
  const parts = collect(bytes);
  const cid = bytesOf(parts, 1);
  if (cid.length === 0 || cid.length > MAX_CID_BYTES) return undefined;
  return {
    // A copy: wants wait for their turn, and a view would keep the whole message, of up to 4 MiB, for each of them.
    cid: new Uint8Array(cid),
    cancel: numberOf(parts, 3) !== 0,
    onlyHave: numberOf(parts, 4) === 1,
    sendDontHave: numberOf(parts, 5) !== 0,
  };
}

type Parts = ReadonlyMap<number, Uint8Array | number>;

/** Fields of a small message; of a repeated one the last counts, as protobuf has it. */
function collect(bytes: Uint8Array): Parts {
  return new Map(fields(bytes));
}

function bytesOf(parts: Parts, number: number): Uint8Array {
  const value = parts.get(number);
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function numberOf(parts: Parts, number: number): number {
  const value = parts.get(number);
  return typeof value === 'number' ? value : 0;
}
