import { readFileSync } from 'node:fs';

/** What real Go nodes of the three dialects wrote and signed (`test/p2p/golden/`). */
export interface Golden {
  readonly dialect: 'a' | 'b' | 'c';
  readonly messages: readonly Vector[];
  readonly pbft: readonly Vector[];
  readonly signatures: readonly {
    readonly name: string;
    readonly note?: string;
    readonly peerId: string;
    /** What Go signed. */
    readonly payload: string;
    /** hex */
    readonly signature: string;
    /** Name of the message that carries it. */
    readonly vector?: string;
  }[];
  readonly digests: readonly { readonly name: string; readonly payload?: string; readonly digest: string }[];
  /** What running nodes said. */
  readonly captured: readonly (Vector & { readonly from: string; readonly channel: string })[];
  readonly strings?: readonly { readonly inputBase64: string; readonly json: string }[];
  readonly times?: readonly { readonly unixNano: string; readonly json: string }[];
  readonly floats?: readonly { readonly bits: string; readonly json: string }[];
}

interface Vector {
  readonly name: string;
  readonly text?: string;
  readonly base64?: string;
}

/** @param version of b7s 0.7.0 only what differs from the rest of `b` */
export function readGolden(version: 'a' | 'b' | 'b-0.7.0' | 'c'): Golden {
  return JSON.parse(readFileSync(new URL(`../p2p/golden/${version}.json`, import.meta.url), 'utf8')) as Golden;
}

/** The exact bytes, as text. */
export function textOf({ text, base64 = '' }: Vector): string {
  return text ?? Buffer.from(base64, 'base64').toString();
}
