import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { withBitswap } from '@helia/bitswap';
import { unixfs } from '@helia/unixfs';
import { multiaddr } from '@multiformats/multiaddr';
import { CID } from 'multiformats/cid';
import { createHost } from '../../../runtime/store/peers/host.ts';
import { generateKey } from '../../support/peer-key.ts';
import { NEVER, openStore, wasm } from '../support.ts';
import { LOOPBACK } from './support.ts';

/** The class alone: the package's index would load every transport there is. */
const { Helia } = await import(new URL('./helia.js', import.meta.resolve('helia')).href);

/** A plain Helia node: its own bitswap and block store, nothing of ours but the transport. */
async function startHelia(t: TestContext) {
  const libp2p = await createHost({ privateKey: null, listen: [LOOPBACK], maxConnections: 16, allow: [] });
  const helia = new Helia({ name: 'plain', version: '1' });
  helia.libp2p = libp2p;
  withBitswap(helia);
  await libp2p.start();
  await helia.start();
  t.after(async () => {
    await helia.stop();
    await libp2p.stop();
  });
  return { libp2p, fs: unixfs(helia), address: String(libp2p.getMultiaddrs()[0]) };
}

const PEERS = {
  connect: [] as string[],
  bitswap: true,
  serve: 'pinned',
  maxConnections: 16,
  allow: [] as string[],
} as const;
const module = wasm('shared', 3 * 1024 * 1024);

suite('a plain Helia node', () => {
  test('fetches a function that we pinned', async (t) => {
    const store = await openStore(t, { peers: PEERS });
    const [address = ''] = await store.joinPeers({ privateKey: generateKey(), listen: [LOOPBACK], announce: [] });
    const { cid } = await store.add([
      { path: 'f.wasm', bytes: module },
      { path: 'readme', bytes: Buffer.from('hello') },
    ]);
    await store.pin(cid, 'f');
    const plain = await startHelia(t);
    await plain.libp2p.dial(multiaddr(address));
    const chunks: Uint8Array[] = [];
    const signal = AbortSignal.timeout(60_000);
    for await (const chunk of plain.fs.cat(CID.parse(cid), { path: '/f.wasm', signal })) {
      chunks.push(chunk);
    }
    assert.ok(Buffer.concat(chunks).equals(module));
  });

  test('gives us a function that it has, and says so where it has none', async (t) => {
    const plain = await startHelia(t);
    const cid = await plain.fs.addBytes(module, { profile: 'unixfs-v1-2025' });
    const store = await openStore(t, { peers: { ...PEERS, connect: [plain.address] } });
    const { facts } = await store.get(cid.toString(), { method: '', signal: NEVER });
    assert.equal(facts.size, module.length);
    const absent = 'bafkreidu5jt2hldyxicsqfnfayivdjk2nv4wpttgxh5ohatomtwvdiw6ey';
    await assert.rejects(store.get(absent, { method: '', signal: NEVER }), {
      code: 'ERR_FUNCTION_NOT_FOUND',
      details: [`peers: ${plain.libp2p.peerId} does not have it`],
    });
  });
});
