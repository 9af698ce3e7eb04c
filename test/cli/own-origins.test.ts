import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ownOrigins } from '../../runtime/cli/own-origins.ts';
import { loadSettings } from '../../runtime/config/load.ts';
import { loadIdentity } from '../../runtime/services/identity.ts';
import { startNode } from '../store/peers/support.ts';
import { NEVER, wasm } from '../store/support.ts';
import { freePort } from '../support/free-port.ts';
import { startPinningService } from '../support/pinning-stand-in.ts';
import { run, start, temporaryFolder } from './command.ts';

describe('the addresses a pinning service is told to fetch from', () => {
  async function origins(cwd: string, env: Readonly<Record<string, string>>, url: string): Promise<readonly string[]> {
    const { settings } = await loadSettings({ cwd, env: { INFERBASE_PEERS_ENABLED: 'true', ...env } });
    return await ownOrigins(settings, url);
  }

  test('are those the node listens on, as that service can reach them', async () => {
    await using folder = await temporaryFolder();
    const far = 'https://pinning.example/psa';
    assert.deepEqual(await origins(folder.path, {}, 'http://127.0.0.1:1'), [], 'no key: no node has served yet');
    const { peerId } = await loadIdentity(join(folder.path, '.inferbase/keys/priv.bin'), { create: true });
    const here = [`/ip4/127.0.0.1/tcp/9011/p2p/${peerId}`];
    for (const url of ['http://127.0.0.1:1', 'http://localhost:1/psa', 'http://[::1]:1']) {
      assert.deepEqual(await origins(folder.path, {}, url), here);
    }
    assert.deepEqual(await origins(folder.path, {}, far), []);
    for (const env of [{ INFERBASE_PEERS_ENABLED: 'false' }, { INFERBASE_PEERS_SERVE: 'none' }]) {
      assert.deepEqual(await origins(folder.path, env, 'http://127.0.0.1:1'), []);
    }
    const listen = '/ip4/0.0.0.0/tcp/9011,/ip6/2001:db8::5/tcp/9012,/ip4/10.0.0.5/tcp/0';
    const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    const reachable = own.filter(({ family, internal }) => family === 'IPv4' && !internal);
    assert.deepEqual(await origins(folder.path, { INFERBASE_PEERS_LISTEN: listen }, far), [
      ...reachable.map(({ address }) => `/ip4/${address}/tcp/9011/p2p/${peerId}`),
      `/ip6/2001:db8::5/tcp/9012/p2p/${peerId}`,
    ]);
  });

  test('need not be set: a service fetches from the node of the folder', async (t) => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'f.wasm'), wasm('own', 1_500_000));
    const port = await freePort();
    const settings = `listen: {api: '127.0.0.1:0'}\npeers: {enabled: true, listen: [/ip4/127.0.0.1/tcp/${port}]}\n`;
    await writeFile(join(folder.path, 'inferbase.yaml'), settings);
    const node = start(['serve'], folder.path);
    await node.until(/^API http/m);
    const service = await startPinningService(t, {
      async fetch(cid, [origin = '']) {
        const fetcher = await startNode(t, { connect: [origin] });
        return await fetcher.ask(cid, NEVER);
      },
    });
    const env = { INFERBASE_PINNING_ACME_URL: service.url };
    const args = ['pin', 'f.wasm', '--to', 'local', '--to', 'service=acme'];
    const { code, stdout, stderr } = await run(args, folder.path, { env });
    assert.deepEqual([code, stderr], [0, ''], stdout);
    assert.match(stdout, /service=acme pinned/);
    assert.equal(service.blocks.size, 3);
    const { peerId } = await loadIdentity(join(folder.path, '.inferbase/keys/priv.bin'), { create: false });
    const [request] = service.pins.values();
    assert.deepEqual(request?.origins, [`/ip4/127.0.0.1/tcp/${port}/p2p/${peerId}`]);
    node.kill('SIGTERM');
    assert.equal((await node.finished).code, 0);
  });
});
