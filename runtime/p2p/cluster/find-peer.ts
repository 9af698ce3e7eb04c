import type { Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { base58btc } from 'multiformats/bases/base58';
import { fields, readVarint } from '../../store/peers/protobuf.ts';
import type { Swarm } from '../swarm.ts';

/** Kademlia of IPFS (https://github.com/libp2p/specs/tree/master/kad-dht), which every Go node of the b7s wire serves. */
export const KAD_PROTOCOL = '/ipfs/kad/1.0.0';
/** `FIND_NODE` of its messages. */
const FIND_NODE = 4;
/** Twenty peers with some addresses each. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_ADDRESSES = 32;

/**
 * Asks one node where it knows another one to be; nobody else is asked. A node that is connected with it knows, and the
 * messages of the older dialects do not say.
 * @returns multiaddrs without peer id, none when the node knows nothing or does not answer such questions
 */
export async function findPeer(
  swarm: Pick<Swarm, 'open'>,
  { at, peerId, signal }: { readonly at: string; readonly peerId: string; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const id = base58btc.baseDecode(peerId);
  try {
    const stream = await swarm.open(at, KAD_PROTOCOL, signal);
    return addressesOf(await exchange(stream, question(id), signal), id);
  } catch {
    return [];
  }
}

/** With its length before it; a peer id is short. */
function question(id: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(id.length + 4, 0x08, FIND_NODE, 0x12, id.length), id]);
}

/** Sends one message and takes the first that comes back, without its length. */
async function exchange(stream: Stream, asked: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  // The stream may fail before anybody waits.
  promise.catch(() => {});
  const fail = (): void => reject(new Error('no answer came'));
  let bytes: Uint8Array = new Uint8Array();
  stream.addEventListener('message', ({ data }) => {
    bytes = Buffer.concat([bytes, data.subarray()]);
    const length = readVarint(bytes, 0);
    if (bytes.length > MAX_ANSWER_BYTES) fail();
    else if (length !== undefined && bytes.length >= length.end + length.value) {
      resolve(bytes.subarray(length.end, length.end + length.value));
    }
  });
  stream.addEventListener('close', fail);
  signal.addEventListener('abort', fail, { once: true });
  try {
    stream.send(asked);
    return await promise;
  } finally {
    signal.removeEventListener('abort', fail);
    stream.close({ signal: AbortSignal.timeout(CLOSE_MS) }).catch((error: Error) => stream.abort(error));
  }
}

const CLOSE_MS = 1_000;

/** Field 8 lists peers: their id is field 1, their addresses, in binary, field 2. */
function addressesOf(message: Uint8Array, id: Uint8Array): readonly string[] {
  const found: string[] = [];
  for (const [number, peer] of fields(message)) {
    if (number !== 8 || !(peer instanceof Uint8Array)) continue;
    let isAsked = false;
    const addresses: Uint8Array[] = [];
    for (const [inner, value] of fields(peer)) {
      if (!(value instanceof Uint8Array)) continue;
      if (inner === 1) isAsked = Buffer.from(id).equals(value);
      else if (inner === 2 && addresses.length < MAX_ADDRESSES) addresses.push(value);
    }
    if (isAsked) found.push(...addresses.flatMap(textOf));
  }
  return found;
}

function textOf(address: Uint8Array): string[] {
  try {
    return [multiaddr(address).toString()];
  } catch {
    return [];
  }
}
