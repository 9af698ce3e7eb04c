import type { GossipSub, GossipSubComponents, GossipSubEvents, GossipsubMessage } from '@libp2p/gossipsub';
import type { PeerId } from '@libp2p/interface';
import type { GossipGuard } from './gossip-guard.ts';

/** gossipsub as `@libp2p/gossipsub` 17.1.1 makes it: some of what it has is not in the types that it exports. */
export interface Gossip extends GossipSub {
  readonly topics: ReadonlyMap<string, ReadonlySet<string>>;
  readonly score: Record<(typeof DELIVERY_RECORDS)[number], () => void>;
  handleReceivedRpc(from: PeerId, rpc: Rpc): Promise<void>;
}

export type { GossipSubEvents, GossipsubMessage };

interface Rpc {
  readonly subscriptions: readonly unknown[];
  readonly messages: readonly unknown[];
  readonly control?: Partial<Record<'ihave' | 'iwant' | 'graft' | 'prune' | 'idontwant', readonly Ids[]>>;
}

interface Ids {
  readonly messageIDs?: readonly unknown[];
}

/** Longest message with all around it, as go-libp2p-pubsub takes it. */
export const MAX_GOSSIP_BYTES = 1024 * 1024;
/** What a neighbour that does not read may have under way. */
const MAX_OUTBOUND_BYTES = 4 * 1024 * 1024;
/** How long a message is known again, in ms: longer than any neighbour keeps one to pass on. */
const SEEN_MS = 30_000;
/** Topics that one peer may subscribe to: each is counted with 1 KiB. */
const TOPIC_BYTES = 128 * 1024;
const MAX_STREAMS = 4;
/** Parts of its score that remember each message for two minutes; only topics with scores of their own need that. */
const DELIVERY_RECORDS = ['validateMessage', 'deliverMessage', 'duplicateMessage', 'rejectMessage'] as const;

/**
 * gossipsub as the Go nodes speak it: every message signed by its author, ids made of author and number, floodsub where a
 * peer speaks no better. Peers behind one address are as good as any: workers often share one.
 * @param guard what neighbours may send
 */
export async function createGossip(guard: GossipGuard): Promise<(components: GossipSubComponents) => Gossip> {
  const { gossipsub, StrictSign } = await import('@libp2p/gossipsub');
  const create = gossipsub({
    globalSignaturePolicy: StrictSign,
    fallbackToFloodsub: true,
    allowPublishToZeroTopicPeers: true,
    emitSelf: false,
    batchPublish: true,
    // With bytes after a message unread, its neighbour's next one waits; so memory follows what is worked on.
    awaitRpcHandler: true,
    awaitRpcMessageHandler: true,
    scoreParams: { IPColocationFactorWeight: 0 },
    // As in Go: the author's id, then the number. Peers ask each other for messages by these.
    msgIdFn: (message) =>
      message.type === 'signed'
        ? messageId(message.from.toMultihash().bytes, message.sequenceNumber)
        : new Uint8Array(),
    // The same before the signature is checked: what was heard already is not checked again.
    fastMsgIdFn: ({ from, seqno }) => Buffer.concat([from ?? NONE, seqno ?? NONE]).toString('latin1'),
    msgIdToStrFn: (id) => Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1'),
    seenTTL: SEEN_MS,
    maxInboundStreams: MAX_STREAMS,
    maxOutboundStreams: MAX_STREAMS,
    maxInboundDataLength: MAX_GOSSIP_BYTES,
    maxOutboundBufferSize: MAX_OUTBOUND_BYTES,
    maxTopicBytesPerPeer: TOPIC_BYTES,
    tagMeshPeers: false,
  });
  return ({ privateKey, peerId, peerStore, registrar, connectionManager, logger }) => {
    const watched: GossipSubComponents['registrar'] = Object.create(registrar, {
      handle: {
        value: (...[protocol, handler, options]: Parameters<typeof registrar.handle>) =>
          registrar.handle(
            protocol,
            (stream, connection) => {
              guard.watch(stream, connection);
              return handler(stream, connection);
            },
            options,
          ),
      },
    });
    const gossip = create({ privateKey, peerId, peerStore, registrar: watched, connectionManager, logger }) as Gossip;
    for (const name of DELIVERY_RECORDS) gossip.score[name] = () => {};
    const receive = gossip.handleReceivedRpc.bind(gossip);
    gossip.handleReceivedRpc = async (from, rpc) => {
      if (guard.admit(from, entriesOf(rpc))) await receive(from, rpc);
    };
    return gossip;
  };
}

const NONE = new Uint8Array();

function messageId(author: Uint8Array, sequenceNumber: bigint): Uint8Array {
  const id = Buffer.alloc(author.length + 8);
  id.set(author);
  id.writeBigUInt64BE(sequenceNumber, author.length);
  return id;
}

function entriesOf({ subscriptions, messages, control = {} }: Rpc): number {
  let entries = subscriptions.length + messages.length;
  for (const list of Object.values(control)) {
    // An id costs a look into a table, a message a signature.
    for (const { messageIDs = [] } of list) entries += 1 + messageIDs.length / 16;
  }
  return entries;
}
