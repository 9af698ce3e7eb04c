import type { WorkOrder } from '../../core/work.ts';
import type { Codec } from './link.ts';

interface OrderOfOne {
  readonly peerId: string;
  readonly order: WorkOrder;
}

/** Where the standard input is shorter, in characters, an order crosses as it is. */
const LARGE = 4_096;

/**
 * An order that goes to many workers is written once, and read once of those that cross in one turn: the same bytes beside
 * the text are copied once, and are the same bytes on the other side.
 */
export function createOrderCodec(): Codec {
  const written = new WeakMap<WorkOrder, Uint8Array>();
  const read = new WeakMap<Uint8Array, WorkOrder>();

  function write(order: WorkOrder): Uint8Array {
    const known = written.get(order);
    if (known !== undefined) return known;
    // Not Buffer.from: its bytes may lie in a pool, and would be copied one by one.
    const bytes = new TextEncoder().encode(JSON.stringify(order));
    written.set(order, bytes);
    return bytes;
  }

  return {
    pack(value, buffers) {
      const { peerId, order } = value as OrderOfOne;
      const { stdin = '' } = order.request.config ?? {};
      return stdin.length < LARGE ? value : { peerId, at: buffers.push(write(order)) - 1 };
    },
    unpack(packed, buffers) {
      if (!('at' in (packed as object))) return packed;
      const { peerId, at } = packed as { readonly peerId: string; readonly at: number };
      const bytes = buffers[at] ?? new Uint8Array(0);
      const order = read.get(bytes) ?? (JSON.parse(new TextDecoder().decode(bytes)) as WorkOrder);
      read.set(bytes, order);
      return { peerId, order };
    },
  };
}
