import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startNode } from '../store/peers/support.ts';
import { gateway, NEVER, wasm } from '../store/support.ts';
import { startKubo } from '../support/kubo-stand-in.ts';
import { startPinningService } from '../support/pinning-stand-in.ts';
import { run, start, temporaryFolder } from './command.ts';

describe('pins elsewhere', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  before(async () => {
    folder = await temporaryFolder();
    // Two blocks and a root, so that there is something below the CID.
    await writeFile(join(folder.path, 'f.wasm'), wasm('elsewhere', 1_500_000));
  });
  after(() => folder[Symbol.asyncDispose]());

  const inferbase = (...args: string[]) => run(args, folder.path);

  test('Kubo gets every block, pins by name, is read back, and gives the pin up again', async (t) => {
    const kubo = await startKubo(t);
    const pinned = await inferbase('pin', 'f.wasm', '--name', 'mine', '--to', `kubo=${kubo.url}`);
    assert.deepEqual([pinned.code, pinned.stderr], [0, '']);
    const [, cid = ''] = /^(bafybei\w+) 1\.4 MiB mine\n/.exec(pinned.stdout) ?? [];
    assert.match(pinned.stdout, new RegExp(`kubo=${kubo.url} pinned; verified, 3 blocks read back from ${kubo.url}\n`));
    assert.match(pinned.stdout, /curl --location 'http:\/\/127.0.0.1:6000\/api\/v1\/functions\/execute'/);
    assert.ok(pinned.stdout.includes(`"function_id": "${cid}"`));
    assert.match(pinned.stdout, /"method": "f\.wasm"/);
    assert.deepEqual([kubo.blocks.size, kubo.pins.get(cid)], [3, 'mine']);
    const content = await fetch(`${kubo.url}/api/v0/cat?arg=${cid}`, { method: 'POST' });
    assert.ok(Buffer.from(await content.arrayBuffer()).equals(wasm('elsewhere', 1_500_000)));

    assert.equal((await inferbase('pins')).stdout, '');
    const listed = await inferbase('pins', '--json', '--to', `kubo=${kubo.url}`);
    assert.deepEqual(JSON.parse(listed.stdout), {
      cid,
      name: 'mine',
      to: `kubo=${kubo.url}`,
      status: 'pinned',
      pinnedAt: null,
    });
    assert.equal(
      (await inferbase('unpin', 'mine', '--to', `kubo=${kubo.url}`)).stdout,
      `${cid} unpinned, kubo=${kubo.url}\n`,
    );
    assert.equal(kubo.pins.size, 0);
    const again = await inferbase('unpin', cid, '--to', `kubo=${kubo.url}`);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /ERR_FUNCTION_NOT_FOUND.*is not pinned \(kubo=/);
  });

  test('a gateway verifies before the place itself does', async (t) => {
    const kubo = await startKubo(t);
    const elsewhere = await gateway(t, new Map(), (request, response) => {
      const cid = /\/ipfs\/([^/?]+)/.exec(request.url ?? '')?.[1] ?? '';
      void fetch(`${kubo.url}/api/v0/block/get?arg=${cid}`, { method: 'POST' }).then(async (answer) =>
        response.writeHead(answer.ok ? 200 : 404).end(Buffer.from(await answer.arrayBuffer())),
      );
    });
    const args = ['pin', 'f.wasm', '--json', '--to', 'local', '--to', `kubo=${kubo.url}`, '--gateways', elsewhere.url];
    const { places } = JSON.parse((await inferbase(...args)).stdout);
    assert.deepEqual(places, [
      { to: `kubo=${kubo.url}`, status: 'pinned', verifiedBlocks: 3, verifiedBy: [`${elsewhere.url}/`], remark: null },
    ]);
    const empty = await gateway(t, new Map());
    const fallen = await inferbase('pin', 'f.wasm', '--to', `kubo=${kubo.url}`, '--gateways', empty.url);
    assert.match(fallen.stdout, /verified, 3 blocks read back from http.*; not there through http.* yet/);
    const [cid = ''] = fallen.stdout.split(' ');
    assert.equal((await inferbase('unpin', cid)).stdout, `${cid} unpinned, local\n`);
  });

  test('nothing listens there: one sentence with the remedy, and the password is not in it', async () => {
    const { code, stderr } = await inferbase('pin', 'f.wasm', '--to', 'kubo=http://me:geheim@127.0.0.1:1');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error ERR_SOURCE_UNAVAILABLE: Kubo at http:\/\/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\); check the URL/,
    );
    assert.doesNotMatch(stderr, /geheim/);
  });

  test('user and password of the URL are sent as basic authorization', async (t) => {
    const kubo = await startKubo(t, undefined, `Basic ${Buffer.from('me:geheim').toString('base64')}`);
    const { code, stdout } = await inferbase(
      'pin',
      'f.wasm',
      '--to',
      kubo.url.replace('http://', 'kubo=http://me:geheim@'),
    );
    assert.equal(code, 0);
    assert.doesNotMatch(stdout, /geheim/);
  });

  test('of two places one fails: the other has it, and the exit code tells', async (t) => {
    const kubo = await startKubo(t);
    const { code, stdout, stderr } = await inferbase(
      'pin',
      'f.wasm',
      '--json',
      '--to',
      'kubo=http://127.0.0.1:1',
      '--to',
      `kubo=${kubo.url}`,
    );
    assert.equal(code, 1);
    assert.deepEqual(
      JSON.parse(stdout).places.map(({ status }: { status: string }) => status),
      ['failed', 'pinned'],
    );
    assert.match(stderr, /ECONNREFUSED/);
    assert.equal(kubo.pins.size, 1);
  });

  test('places that are none are refused before anything is done', async () => {
    for (const [to, message] of [
      ['ftp=x', /--to ftp is no place for pins; give local, kubo=URL or service=NAME/],
      ['service=nobody', /no pinning service of that name; set pinning.nobody.url/],
      ['kubo=localhost:5001', /has no http or https URL/],
    ] as const) {
      const { code, stdout, stderr } = await inferbase('pin', 'f.wasm', '--to', to);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
    }
  });

  test('a pinning service fetches from the node that serves, and the token is shown nowhere', async (t) => {
    const node = start(
      ['serve', '--listen-api', '127.0.0.1:0', '--peers-enabled', 'true', '--peers-listen', '/ip4/127.0.0.1/tcp/0'],
      folder.path,
    );
    t.after(async () => {
      node.kill('SIGTERM');
      await node.finished;
    });
    const [, origin = ''] = await node.until(/^peer address (\S+)$/m);
    await node.until(/^API http/m);
    const fetcher = await startNode(t, { connect: [origin] });
    const service = await startPinningService(t, { fetch: (cid) => fetcher.ask(cid, NEVER), token: 'geheim' });
    const env = { INFERBASE_PINNING_ACME_URL: service.url, INFERBASE_PINNING_ACME_ORIGINS: origin };
    const withToken = { ...env, INFERBASE_PINNING_ACME_TOKEN: 'geheim' };

    const refused = await run(['pin', 'f.wasm', '--to', 'service=acme'], folder.path, { env });
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /ERR_PERMISSION_DENIED: Pinning service acme refused with 401: UNAUTHORIZED, Access token is missing or invalid; set pinning\.acme\.token/,
    );
    const wrong = await run(['pins'], folder.path, {
      env: { ...env, INFERBASE_PINNING_ACME_TOKEN: 'geheim und falsch' },
    });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /pinning\.acme\.token is a value \(not shown\)/);

    const args = ['pin', 'f.wasm', '--name', 'far', '--to', 'local', '--to', 'service=acme'];
    const pinned = await run(args, folder.path, { env: withToken });
    assert.deepEqual([pinned.code, pinned.stderr], [0, '']);
    assert.match(
      pinned.stdout,
      /service=acme pinned; not verified; no other source was there to verify it with; set gateways\n/,
    );
    assert.equal(service.blocks.size, 3);
    const [request] = service.pins.values();
    assert.deepEqual(request?.origins, [origin]);

    const rows = (await run(['pins', '--json'], folder.path, { env: withToken })).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      rows.map(({ name, to, status }) => [name, to, status]),
      [
        ['far', 'local', 'pinned'],
        ['far', 'service=acme', 'pinned'],
      ],
    );
    const unpinned = await run(['unpin', 'far', '--to', 'service=acme', '--to', 'local'], folder.path, {
      env: withToken,
    });
    assert.equal(unpinned.stdout.trim().split('\n').length, 2);
    assert.equal(service.pins.size, 0);
    for (const { stdout, stderr } of [refused, wrong, pinned, unpinned]) assert.doesNotMatch(stdout + stderr, /geheim/);
  });
});
