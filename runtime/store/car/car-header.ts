import { CID } from 'multiformats/cid';

/**
 * The header of a CAR file (https://ipld.io/specs/transport/car/carv1/): the DAG-CBOR of
 * `{"roots": [CID, …], "version": 1}`. That is all the CBOR there is in a CAR, so it is read and written here.
 */
export interface CarHeader {
  readonly version: number;
  readonly roots: readonly CID[];
}

/** CBOR: tag 42 is a CID, whose bytes follow a zero byte. */
const CID_TAG = Buffer.from([0xd8, 0x2a]);
const MAJOR = { unsigned: 0, bytes: 2, text: 3, array: 4, map: 5 } as const;

/** The bytes of a version 1 header, without the length in front. */
export function encodeHeader(roots: readonly CID[]): Uint8Array {
  const items = roots.flatMap((cid) => [CID_TAG, head(MAJOR.bytes, cid.bytes.length + 1), Buffer.from([0]), cid.bytes]);
  return Buffer.concat([
    head(MAJOR.map, 2),
    text('roots'),
    head(MAJOR.array, roots.length),
    ...items,
    text('version'),
    head(MAJOR.unsigned, 1),
  ]);
}

function text(value: string): Uint8Array {
  return Buffer.concat([head(MAJOR.text, value.length), Buffer.from(value)]);
}

function head(major: number, value: number): Uint8Array {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 0x100) return Buffer.from([(major << 5) | 24, value]);
  return Buffer.from([(major << 5) | 25, value >> 8, value & 0xff]);
}

/**
 * Reads a header of version 1, or the fixed one of version 2, which has no roots.
 * @returns `undefined` for anything else
 */
export function decodeHeader(bytes: Uint8Array): CarHeader | undefined {
  let at = 0;
  /** Value of the item that starts here, if it is of this kind. */
  const read = (major: number): number => {
    const first = bytes[at++] ?? 0xff;
    const low = first & 0x1f;
    if (first >> 5 !== major || low > 26) throw new RangeError('not what a header has here');
    if (low < 24) return low;
    let value = 0;
    for (let left = 1 << (low - 24); left > 0; left--) value = value * 256 + (bytes[at++] ?? Number.NaN);
    if (!Number.isSafeInteger(value)) throw new RangeError('the header is cut short');
    return value;
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new RangeError('the header is cut short');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const readCid = (): CID => {
    if (!CID_TAG.equals(take(2))) throw new RangeError('a root is no CID');
    const tagged = take(read(MAJOR.bytes));
    if (tagged[0] !== 0) throw new RangeError('a root is no CID');
    return CID.decode(tagged.subarray(1));
  };
  try {
    let version: number | undefined;
    let roots: CID[] | undefined;
    for (let left = read(MAJOR.map); left > 0; left--) {
      const key = Buffer.from(take(read(MAJOR.text))).toString('latin1');
      if (key === 'version' && version === undefined) version = read(MAJOR.unsigned);
      else if (key === 'roots' && roots === undefined) {
        roots = [];
        for (let items = read(MAJOR.array); items > 0; items--) roots.push(readCid());
      } else return undefined;
    }
    if (at !== bytes.length || version === undefined) return undefined;
    if (version === 1 ? roots === undefined : version !== 2 || roots !== undefined) return undefined;
    return { version, roots: roots ?? [] };
  } catch {
    return undefined;
  }
}
