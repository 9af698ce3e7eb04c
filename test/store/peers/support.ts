import { hash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TestContext } from 'node:test';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { CID } from 'multiformats/cid';
import * as Digest from 'multiformats/hashes/digest';
import { createAtomicFiles } from '../../../runtime/store/atomic-file.ts';
import { createBlockFolder } from '../../../runtime/store/block-folder.ts';
import { createLayout } from '../../../runtime/store/layout.ts';
import { createOwner } from '../../../runtime/store/owner.ts';
import {
  type BitswapMessage,
  decodeMessage,
  encodeMessage,
  type Want,
} from '../../../runtime/store/peers/bitswap-message.ts';
import { createFrameReader } from '../../../runtime/store/peers/frames.ts';
import { createHost } from '../../../runtime/store/peers/host.ts';
import { type PeerNode, startPeerNode } from '../../../runtime/store/peers/node.ts';
import { BITSWAP } from '../../../runtime/store/peers/outbox.ts';
import type { PeersThreadData } from '../../../runtime/store/peers/protocol.ts';
import { generateKey } from '../../support/peer-key.ts';
import { tempDir } from '../support.ts';

export const LOOPBACK = '/ip4/127.0.0.1/tcp/0';

/** CID of a raw block. */
export function rawCid(bytes: Uint8Array): CID {
  return CID.createV1(0x55, Digest.create(0x12, hash('sha256', bytes, 'buffer')));
}

/** Bytes that differ for each text. */
export function bytesOf(text: string, length = 1000): Uint8Array {
  return Buffer.alloc(length, hash('sha256', text, 'buffer'));
}

export interface TestNode extends PeerNode {
  readonly address: string;
  readonly peerId: string;
  /** Puts a raw block into its folder and pins it, unless told otherwise. */
  add(bytes: Uint8Array, options?: { pinned?: boolean }): Promise<CID>;
  /** Puts any bytes where the block of a CID belongs. */
  plant(cid: CID, bytes: Uint8Array): Promise<void>;
  readonly lines: readonly string[];
}

/** One of our nodes, in this process, listening on loopback; stopped after the test. */
export async function startNode(
  t: TestContext,
  init: Partial<Pick<PeersThreadData, 'connect' | 'serve' | 'maxConnections' | 'allow' | 'timeoutMs'>> = {},
): Promise<TestNode> {
  const layout = createLayout(await tempDir(t));
  await mkdir(layout.tmp, { recursive: true });
  const files = createAtomicFiles({ tmpDir: layout.tmp, owner: createOwner(), onStep: () => {} });
  const lines: string[] = [];
  const log = (line: string, fields = {}): void => void lines.push(`${line} ${JSON.stringify(fields)}`);
  const folder = createBlockFolder({ files, layout }, { log });
  const node = await startPeerNode(
    { folder, pinsPath: layout.pins, log },
    { connect: [], bitswap: true, serve: 'pinned', maxConnections: 16, allow: [], timeoutMs: 5_000, ...init },
    { privateKey: generateKey(), listen: [LOOPBACK], announce: [] },
  );
  t.after(() => node.stop());
  const pinned: object[] = [];
  const address = node.addresses[0] ?? '';
  return {
    ...node,
    address,
    peerId: address.split('/').at(-1) ?? '',
    lines,
    async add(bytes, { pinned: pin = true } = {}) {
      const cid = rawCid(bytes);
      await folder.put(cid, bytes);
      if (pin) {
        pinned.push({ cid: cid.toString(), name: '', pinnedAt: new Date().toISOString() });
        await writeFile(layout.pins, JSON.stringify(pinned));
      }
      return cid;
    },
    async plant(cid, bytes) {
      await mkdir(dirname(layout.block(cid)), { recursive: true });
      await writeFile(layout.block(cid), bytes);
    },
  };
}

/** A libp2p host that speaks bitswap exactly as a test tells it. */
export interface RawPeer {
  readonly address: string;
  readonly peerId: string;
  readonly host: Libp2p;
  /** Everything it was sent. */
  readonly heard: BitswapMessage[];
  /** Sends these bytes as they are on a new stream, which stays open. */
  sendBytes(to: string, bytes: Uint8Array): Promise<Stream>;
  say(to: string, message: Partial<BitswapMessage>): Promise<Stream>;
}

/** @param react called for each message; may answer by `peer.say` */
export async function startRawPeer(
  t: TestContext,
  react: (message: BitswapMessage, from: Connection, peer: RawPeer) => unknown = () => {},
): Promise<RawPeer> {
  const host = await createHost({ privateKey: null, listen: [LOOPBACK], maxConnections: 16, allow: [] });
  const heard: BitswapMessage[] = [];
  await host.handle(BITSWAP, (stream, connection) => {
    const frames = createFrameReader({ held: 0, max: Number.POSITIVE_INFINITY });
    stream.addEventListener('message', ({ data }) => {
      for (const bytes of frames.push(data.subarray())) {
        const message = decodeMessage(bytes);
        heard.push(message);
        react(message, connection, peer);
      }
    });
  });
  await host.start();
  t.after(() => host.stop());
  const sendBytes = async (to: string, bytes: Uint8Array): Promise<Stream> => {
    const known = host.getConnections().find(({ remotePeer }) => remotePeer.toString() === to.split('/').at(-1));
    const connection = known ?? (await host.dial(multiaddr(to)));
    const stream = await connection.newStream(BITSWAP);
    stream.send(bytes);
    return stream;
  };
  const peer: RawPeer = {
    address: String(host.getMultiaddrs()[0]),
    peerId: host.peerId.toString(),
    host,
    heard,
    sendBytes,
    say: (to, message) => sendBytes(to, Buffer.concat(encodeMessage(message))),
  };
  return peer;
}

/** A want for the block itself. */
export function want(cid: CID, over: Partial<Want> = {}): Want {
  return { cid: cid.bytes, cancel: false, onlyHave: false, sendDontHave: true, ...over };
}

/** A block as a message carries it. */
export function carried(cid: CID, data: Uint8Array): BitswapMessage['blocks'][number] {
  return { prefix: cid.bytes.subarray(0, cid.bytes.length - cid.multihash.digest.length), data };
}

/** Waits until the condition holds; the limit is for a hang only. */
export async function until(condition: () => boolean, limitMs = 90_000): Promise<void> {
  for (const start = Date.now(); !condition(); ) {
    if (Date.now() - start > limitMs) throw new Error(`not within ${limitMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
