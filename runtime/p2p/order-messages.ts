import { LRUCache } from 'lru-cache';
import type { WorkOrder } from '../core/work.ts';
import type { DisbandClusterMessage, FormClusterMessage } from '../wire/messages/cluster.ts';
import type { Dialect } from '../wire/messages/envelope.ts';
import { dialectOf, encodeMessage, type Message } from '../wire/messages/message.ts';
import { executeMessage, workOrderMessage } from '../wire/messages/work-order.ts';

/** Which dialect each worker speaks, learnt from what it says, and what it has to be sent for that. */
export interface OrderMessages {
  /** A worker said something. */
  learn(peerId: string, message: Message): void;
  /** A worker went; it may come back as another version. */
  forget(peerId: string): void;
  /**
   * An order as the worker reads it: one message where its dialect is known, else one for each it may speak. Go nodes only
   * log a type that they do not know.
   */
  encode(peerId: string, order: WorkOrder): readonly Buffer[];
  /**
   * A message to the members of a cluster, as each of them reads it: where its dialect is not known as in `c`, which all
   * three read. Written once for all of a dialect.
   */
  encodeForMembers(message: FormClusterMessage | DisbandClusterMessage): (peerId: string) => Buffer;
  /** The worker is one of our own, which reads what Go nodes have no field for. */
  isOurs(peerId: string): boolean;
  /** In a PBFT cluster the worker tells what came of it to the primary, and not to the head: so it is in `a`. */
  tellsPrimary(peerId: string): boolean;
}

/** Roll-call answers of `b` and `c` look alike: the answer to an order tells. */
type Known = Dialect | 'b or c' | 'ours';

const MAX_KNOWN = 16_384;

/** @param ownPeerId base58, which `a` has in its messages */
export function createOrderMessages(ownPeerId: string): OrderMessages {
  const known = new LRUCache<string, Known>({ max: MAX_KNOWN });
  /** Orders that go to many workers, as each dialect has them. */
  const encoded = new WeakMap<WorkOrder, Partial<Record<Dialect, Buffer>>>();

  function encodeOnce(order: WorkOrder, dialect: Dialect): Buffer {
    const own = encoded.get(order) ?? {};
    encoded.set(order, own);
    own[dialect] ??=
      dialect === 'c'
        ? encodeMessage(workOrderMessage(order), dialect)
        : encodeMessage({ ...executeMessage(order), from: ownPeerId }, dialect);
    return own[dialect];
  }

  return {
    learn(peerId, message) {
      const dialect = learnt(message);
      if (dialect === 'b or c' && known.has(peerId)) return;
      // Not all that our workers say shows that it is theirs.
      if (known.get(peerId) !== 'ours') known.set(peerId, dialect);
    },
    forget: (peerId) => known.delete(peerId),
    encode(peerId, order) {
      const dialect = known.get(peerId) ?? 'b or c';
      if (dialect === 'a' || dialect === 'b') return [encodeOnce(order, dialect)];
      const workOrder = encodeOnce(order, 'c');
      // Our own worker takes either; one is enough.
      return dialect === 'c' || dialect === 'ours' ? [workOrder] : [encodeOnce(order, 'a'), workOrder];
    },
    encodeForMembers(message) {
      const written = new Map<Dialect, Buffer>();
      return (peerId) => {
        const spoken = known.get(peerId);
        const dialect = spoken === 'a' || spoken === 'b' ? spoken : 'c';
        const bytes = written.get(dialect) ?? encodeMessage({ ...message, from: ownPeerId }, dialect);
        written.set(dialect, bytes);
        return bytes;
      };
    },
    isOurs: (peerId) => known.get(peerId) === 'ours',
    tellsPrimary: (peerId) => known.get(peerId) === 'a',
  };
}

function learnt(message: Message): Known {
  if ('inferbase' in message && message.inferbase !== undefined) return 'ours';
  if (message.type === 'MsgWorkOrderResponse') return 'c';
  const dialect = dialectOf(message);
  if (message.type === 'MsgExecuteResponse') return dialect === 'a' ? 'a' : 'b';
  return dialect === 'b' ? 'b or c' : dialect;
}
