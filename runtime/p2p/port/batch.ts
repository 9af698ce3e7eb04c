import type { ErrorData } from '../../core/errors.ts';

/**
 * What crosses the port between the front thread and the thread of the libp2p host: everything of one turn in one
 * message, as JSON text, which is copied as it is where the same arrays would be cloned one by one. Large output goes
 * beside the text.
 */
export type Packed = string | { readonly text: string; readonly buffers: readonly Uint8Array[] };

export const ITEM = { call: 0, answer: 1, failure: 2, note: 3, cancel: 4 } as const;

export type Item =
  | readonly [kind: typeof ITEM.call, id: number, op: string, payload: unknown]
  | readonly [kind: typeof ITEM.answer, id: number, value: unknown]
  | readonly [kind: typeof ITEM.failure, id: number, error: ErrorData]
  /** One of several values before the answer. */
  | readonly [kind: typeof ITEM.note, id: number, value: unknown]
  | readonly [kind: typeof ITEM.cancel, id: number];

/** Collects the items of a turn. */
export class Batch {
  #texts: string[] = [];
  #buffers: Uint8Array[] = [];
  #chars = 0;

  /** Of this turn; what packs a value may push bytes to it and name them by their index. */
  get buffers(): Uint8Array[] {
    return this.#buffers;
  }

  get empty(): boolean {
    return this.#texts.length === 0;
  }

  /** Characters collected. */
  get chars(): number {
    return this.#chars;
  }

  /** @returns size of the item, in characters */
  add(item: Item): number {
    const text = JSON.stringify(item);
    this.#texts.push(text);
    this.#chars += text.length;
    return text.length;
  }

  /** What was collected, and begins anew. */
  take(): Packed {
    const text = `[${this.#texts.join(',')}]`;
    const buffers = this.#buffers.map(alone);
    this.#texts = [];
    this.#buffers = [];
    this.#chars = 0;
    return buffers.length === 0 ? text : { text, buffers };
  }
}

/** What a view lies in is copied along whole: a few bytes of a frame must not take the frame. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** The reverse of `Batch`. */
export function unpackBatch(packed: Packed): {
  readonly items: readonly Item[];
  readonly buffers: readonly Uint8Array[];
} {
  if (typeof packed === 'string') return { items: JSON.parse(packed), buffers: NONE };
  return { items: JSON.parse(packed.text), buffers: packed.buffers };
}

const NONE: readonly Uint8Array[] = [];
