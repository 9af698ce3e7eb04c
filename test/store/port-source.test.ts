import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { type BlockSource, SourceMiss } from '../../runtime/store/sources/block-source.ts';
import { serveSource } from '../../runtime/store/sources/port-source.ts';
import { type Blocks, gateway, heavyWasm, importFiles, NEVER, openStore, wasm } from './support.ts';

interface Served {
  readonly connectSources: () => readonly [{ name: string; port: import('node:worker_threads').MessagePort }];
  readonly asked: string[];
  connections: number;
  /** Ends the serving side of all connections. */
  hangUp(): void;
}

/** A source of this thread, connected to the preparation thread of a store. */
function served(blocks: Blocks, over: Partial<BlockSource> = {}): Served {
  const ports: import('node:worker_threads').MessagePort[] = [];
  const asked: string[] = [];
  const source: BlockSource = {
    name: 'peers',
    async fetchBlock(cid) {
      asked.push(cid.toString());
      const block = blocks.get(cid.toString());
      if (block === undefined) throw new SourceMiss('ERR_FUNCTION_NOT_FOUND', 'no peer has it');
      return block;
    },
    ...over,
  };
  return {
    asked,
    connections: 0,
    connectSources() {
      this.connections++;
      const { port1, port2 } = new MessageChannel();
      ports.push(port1);
      serveSource(port1, source);
      port1.unref();
      return [{ name: source.name, port: port2 }];
    },
    hangUp: () => {
      for (const port of ports) port.close();
    },
  };
}

test('a source in another thread delivers the blocks of a function', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('by port', 2_500_000) });
  const peers = served(blocks);
  const store = await openStore(t, { connectSources: () => peers.connectSources() });
  const found = await store.get(cid.toString(), { method: '', signal: NEVER });
  assert.equal(found.facts.size, wasm('by port', 2_500_000).length);
  assert.deepEqual(peers.asked.toSorted(), [...blocks.keys()].sort());
});

test('its misses and lies are told by its name, beside those of gateways', async (t) => {
  const { cid } = await importFiles({ '': wasm('nobody') });
  const none = await gateway(t, new Map());
  const peers = served(new Map());
  const absent = await openStore(t, { gateways: [none.url], connectSources: () => peers.connectSources() });
  await assert.rejects(absent.get(cid.toString(), { method: '', signal: NEVER }), {
    code: 'ERR_FUNCTION_NOT_FOUND',
    details: ['peers: no peer has it', `${none.url}/: answered 404, it does not have it`],
  });
  const liars = served(new Map([[cid.toString(), wasm('other')]]));
  const wrong = await openStore(t, { connectSources: () => liars.connectSources() });
  await assert.rejects(wrong.get(cid.toString(), { method: '', signal: NEVER }), {
    code: 'ERR_INTEGRITY',
    details: ['peers: sent other bytes than the CID names'],
  });
});

test('a caller that leaves, and the time limit, end the request at the source', async (t) => {
  const { cid } = await importFiles({ '': wasm('hangs') });
  const left = Promise.withResolvers<void>();
  const hanging = served(new Map(), {
    fetchBlock: (_cid, { signal }) => {
      signal.addEventListener('abort', () => left.resolve());
      return new Promise(() => {});
    },
  });
  const store = await openStore(t, { connectSources: () => hanging.connectSources(), sourceTimeoutMs: 200 });
  await assert.rejects(store.get(cid.toString(), { method: '', signal: NEVER }), {
    code: 'ERR_SOURCE_UNAVAILABLE',
    details: ['peers: gave no block within 200 ms'],
  });
  await left.promise;
});

test('a source whose thread is gone fails at once, and others are still asked', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('gone') });
  const { url } = await gateway(t, blocks);
  const peers = served(blocks, { fetchBlock: async () => Promise.reject(peers.hangUp()) });
  const alone = await openStore(t, { connectSources: () => peers.connectSources() });
  await assert.rejects(alone.get(cid.toString(), { method: '', signal: NEVER }), {
    code: 'ERR_SOURCE_UNAVAILABLE',
    details: ['peers: failed: its thread is gone'],
  });
  const store = await openStore(t, { gateways: [url], connectSources: () => peers.connectSources() });
  await store.get(cid.toString(), { method: '', signal: NEVER });
});

test('a preparation thread that replaces another is connected anew', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('after') });
  const peers = served(blocks);
  const store = await openStore(t, { connectSources: () => peers.connectSources(), cpuTimeoutMs: 20 });
  await assert.rejects(store.prepareFile(heavyWasm(), 'heavy.wasm'), { code: 'ERR_INVALID_MODULE' });
  await store.get(cid.toString(), { method: '', signal: NEVER }).catch(() => {});
  assert.ok(peers.connections >= 2);
});
