import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { executeBody, sendExecute } from '../../runtime/cli/execute-request.ts';
import { freePort } from '../support/free-port.ts';
import { guest } from '../support/wat.ts';
import { run, start, temporaryFolder } from './command.ts';

const ANY_PORT = ['--listen-api', '127.0.0.1:0'];
/** Of anything. */
const CID = 'bafkreidil4kvhi3u2sawyozb66jaukthfsne5apdfiiadcvolsp3r4lpei';

describe('serve', () => {
  test('says one fact a line, answers by CID, and closes on SIGTERM', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'fns'));
    await writeFile(join(folder.path, 'fns', 'exit-three.wasm'), await guest('exit-three'));
    await writeFile(join(folder.path, 'fns', 'broken.wasm'), 'not wasm');
    await writeFile(join(folder.path, 'fns', 'notes.txt'), 'not a function');
    const node = start(['serve', ...ANY_PORT, '--functions-dir', 'fns'], folder.path, { TOPICS: '1' });
    const [, api = ''] = await node.until(/^API (http:\/\/127\.0\.0\.1:\d+)$/m);
    const [, cid = ''] = await node.until(/^function exit-three\.wasm (bafk\w+)$/m);
    const body = executeBody(cid, 'exit-three.wasm', '1', 'ETH');
    const answer = await sendExecute(api, body, AbortSignal.timeout(20_000));
    assert.equal((answer as { code: string }).code, '200');
    node.kill('SIGTERM');
    const { code, stdout, stderr } = await node.finished;
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^inferbase \d\S+\npeer id 12D3Koo\w+\ndata folder \/\S+\nupstream model http:\/\/127\.0\.0\.1:8000\ngateway none\nfunction exit-three\.wasm \w+\nAPI \S+\nclosing after SIGTERM\n$/,
    );
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).msg as string);
    assert.ok(lines.includes('TOPICS has no effect on a solo node'), stderr);
    assert.ok(
      lines.some((line) => line.startsWith('function broken.wasm cannot be served: ')),
      stderr,
    );
  });

  test('a worker tells that it has no boot node, and a setting without effect in its role once, with the remedy', async () => {
    await using folder = await temporaryFolder();
    const role = ['--role', 'worker', '--peers-listen', '/ip4/127.0.0.1/tcp/0'];
    const node = start(['serve', ...role, '--web-functions', '*'], folder.path);
    await node.until(/^worker ready$/m);
    node.kill('SIGTERM');
    const { code, stdout, stderr } = await node.finished;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^boot node none$/m);
    const told = stderr.split('\n').filter((line) => line.includes('web.functions'));
    assert.equal(told.length, 1, stderr);
    assert.match(
      told[0] ?? '',
      /"level":40,.*set by --web-functions.* has no effect on a worker node; set it on a head/,
    );
  });

  test('closes on SIGTERM whatever its clients do with their connections', async () => {
    await using folder = await temporaryFolder();
    const peers = ['--role', 'head', '--peers-listen', '/ip4/127.0.0.1/tcp/0'];
    const node = start(['serve', ...ANY_PORT, ...peers], folder.path);
    const [, port = ''] = await node.until(/^API http:\/\/127\.0\.0\.1:(\d+)$/m);
    const half = connect(Number(port), '127.0.0.1');
    const post = 'POST /api/v1/functions/execute HTTP/1.1\r\nHost: x\r\nExpect: 100-continue';
    half.write(`${post}\r\nContent-Length: 1000\r\n\r\n{`);
    const kept = connect(Number(port), '127.0.0.1');
    const body = JSON.stringify({ ...executeBody(CID, 'f.wasm', '1', 'ETH'), config: { timeout: 1e9 } });
    kept.write(`${post}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    let said = '';
    kept.on('data', (data) => {
      said += String(data);
    });
    for (const socket of [half, kept]) socket.on('error', () => {});
    // Both requests have come when the node asks for their bodies.
    await Promise.all([half, kept].map((socket) => once(socket, 'data')));
    node.kill('SIGTERM');
    const { code, stderr } = await node.finished;
    for (const socket of [half, kept]) socket.destroy();
    assert.equal(code, 0, stderr);
    assert.match(said, /^connection: close\r$/im);
    assert.match(said, /the node is closing/);
  });

  test('a worker that is told to connect with itself alone says that the head has its key', async () => {
    await using folder = await temporaryFolder();
    const { stdout } = await run(['keys', 'generate'], folder.path);
    const [, id = ''] = /^peer id (\S+)$/m.exec(stdout) ?? [];
    const own = `/ip4/127.0.0.1/tcp/9010/p2p/${id}`;
    const { code, stderr } = await run(['serve', '--role', 'worker', '--boot-nodes', own], folder.path);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^error ERR_INVALID_SETTING: \/ip4\S+ has the peer id of this worker itself: .* --data-dir\n$/,
    );
  });

  test('an address for peers that is taken is told with the flag or the line that names it, before anything listens', async () => {
    await using folder = await temporaryFolder();
    const taken = createServer().listen(0, '127.0.0.1');
    if (!taken.listening) await once(taken, 'listening');
    try {
      const listen = `/ip4/127.0.0.1/tcp/${(taken.address() as AddressInfo).port}`;
      const { code, stderr } = await run(['serve', '--role', 'worker', '--peers-listen', listen], folder.path);
      assert.equal(code, 69);
      assert.match(
        stderr,
        /^error EADDRINUSE: 127\.0\.0\.1:\d+ is taken by another program; .* with --peers-listen; .* --data-dir of its own\n$/,
      );
      await writeFile(join(folder.path, 'inferbase.yaml'), `peers: {listen: [${listen}]}\n`);
      const other = await run(['serve', '--role', 'worker'], folder.path);
      assert.equal(other.code, 69);
      assert.match(other.stderr, / is taken by another program; .* with peers\.listen \(\S*inferbase\.yaml:1\); /);
    } finally {
      taken.close();
    }
  });

  test('names its upstreams without their headers, its gateways, and a folder without functions', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'fns'));
    const upstream = '{ url: "http://127.0.0.1:9/v1", headers: { authorization: hunter2 } }';
    const settings = `upstreams: { price: ${upstream} }\ngateways: ["http://127.0.0.1:9", "http://127.0.0.1:10"]\n`;
    await writeFile(join(folder.path, 'inferbase.yaml'), settings);
    const node = start(['serve', ...ANY_PORT, '--functions-dir', 'fns'], folder.path);
    await node.until(/^API /m);
    node.kill('SIGINT');
    const { stdout, stderr } = await node.finished;
    const lines = stdout.split('\n');
    for (const line of [
      'upstream price http://127.0.0.1:9/v1',
      'upstream model http://127.0.0.1:8000',
      'gateway http://127.0.0.1:9',
      'gateway http://127.0.0.1:10',
      `function none, ${join(folder.path, 'fns')} has no .wasm file and no package`,
    ]) {
      assert.ok(lines.includes(line), `${line}\n${stdout}`);
    }
    assert.doesNotMatch(stdout + stderr, /hunter2/);
  });

  test('tells where web endpoints are', async () => {
    await using folder = await temporaryFolder();
    const cid = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';
    const node = start(['serve', ...ANY_PORT, '--web-functions', `prices=${cid},${cid}`], folder.path);
    const [, api = ''] = await node.until(/^API (\S+)$/m);
    await node.until(new RegExp(`^web ${api}/fn/prices/\nweb ${api}/fn/${cid}/$`, 'm'));
    node.kill('SIGINT');
    assert.equal((await node.finished).code, 0);
  });

  test('closes on Ctrl-C and keeps its identity', async () => {
    await using folder = await temporaryFolder();
    const peers: string[] = [];
    for (let i = 0; i < 2; i++) {
      const node = start(['serve', ...ANY_PORT], folder.path);
      await node.until(/^API /m);
      node.kill('SIGINT');
      const { code, stdout } = await node.finished;
      assert.equal(code, 0);
      peers.push(/^peer id (\w+)$/m.exec(stdout)?.[1] ?? '');
    }
    assert.equal(peers[0], peers[1]);
  });

  test('a taken port is one sentence and exit code 69', async () => {
    await using folder = await temporaryFolder();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await run(['serve', '--listen-api', `127.0.0.1:${port}`], folder.path);
    taken.close();
    assert.equal(code, 69);
    const sentence = `error EADDRINUSE: 127.0.0.1:${port} is taken by another program; stop that one, or choose another with --listen-api ADDRESS:PORT\n`;
    assert.equal(stderr, sentence);
  });

  test('an address that is not ours is one sentence, and not the exit code of a taken one', async () => {
    await using folder = await temporaryFolder();
    const { code, stderr } = await run(['serve', '--listen-api', '192.0.2.1:6000'], folder.path);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error EADDRNOTAVAIL: 192\.0\.2\.1:6000 is no address of this machine, .*; .* with --listen-api ADDRESS:PORT\n$/,
    );
  });

  test('a data folder that cannot be written is one sentence and exit code 73', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'file'), '');
    const { code, stdout, stderr } = await run(['serve', ...ANY_PORT, '--data-dir', 'file/data'], folder.path);
    assert.deepEqual([code, stdout], [73, '']);
    assert.match(
      stderr,
      /^error ERR_STORE_UNAVAILABLE: the data folder \S+file\/data is a file, or lies below one; give a folder with --data-dir\n$/,
    );
    assert.match(
      (await run(['serve', ...ANY_PORT, '--data-dir', 'file'], folder.path)).stderr,
      /is a file, .*give a folder/,
    );
  });
});

describe('start', () => {
  test('--once builds, stores, asks, prints answer and curl, and ends with nothing left running', async () => {
    await using folder = await temporaryFolder();
    // Not the usual port, which another example may have as soon as this one ends.
    const upstream = ['--upstream', `model=http://127.0.0.1:${await freePort()}`];
    const { code, stdout, stderr } = await run(['start', '--once', ...ANY_PORT, ...upstream], folder.path);
    assert.equal(code, 0, stderr);
    for (const name of ['hello', 'coin-prediction', 'moving-average']) {
      assert.match(stdout, new RegExp(`^✓ stored ${name}: bafk\\w+$`, 'm'));
    }
    assert.match(stdout, /"stdout": "\{\\"infererValue\\":\\"[\d.]+\\"\}/);
    assert.match(stdout, /^curl --location 'http:\/\/127\.0\.0\.1:\d+\/api\/v1\/functions\/execute' \\$/m);
    const [, model = ''] = /model server: (http:\S+)/.exec(stdout) ?? [];
    await assert.rejects(fetch(new URL('/health', model)), 'the model server is still there');
    assert.ok(!stdout.includes('\u001b'), 'no terminal, no colours');
  });

  test('finds a taken port before it builds anything', async () => {
    await using folder = await temporaryFolder();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, stdout, stderr } = await run(['start', '--listen-api', `127.0.0.1:${port}`], folder.path);
    taken.close();
    assert.deepEqual([code, stdout], [69, '']);
    assert.match(stderr, /^error EADDRINUSE: /);
  });

  test('keeps serving until Ctrl-C, on another model port when the usual one is taken', async () => {
    await using folder = await temporaryFolder();
    const taken = createServer((_, response) => response.end('not the model'));
    // Another test may have the usual port for a moment; one who keeps it does as well.
    for (let tries = 0; tries < 600 && !taken.listening; tries++) {
      await once(taken.listen(8000, '127.0.0.1'), 'listening').catch(() => setTimeout(100));
    }
    try {
      const node = start(['start', ...ANY_PORT], folder.path);
      await node.until(/^Serving until Ctrl-C\.$/m);
      const [, model = ''] = await node.until(/model server: (http:\S+) \(port 8000 is taken\)/);
      assert.equal((await fetch(new URL('/health', model))).status, 200);
      node.kill('SIGINT');
      const { code, stdout } = await node.finished;
      assert.equal(code, 0);
      assert.match(stdout, /\nClosing\.\n$/);
      await assert.rejects(fetch(new URL('/health', model)));
    } finally {
      taken.close();
    }
  });

  test('its model server ends with it even when it is killed', async () => {
    await using folder = await temporaryFolder();
    const node = start(['start', ...ANY_PORT], folder.path);
    const [, model = ''] = await node.until(/model server: (http:\S+)/);
    await node.until(/^Serving/m);
    node.kill('SIGKILL');
    await node.finished;
    for (;;) {
      const up = await fetch(new URL('/health', model)).then(
        () => true,
        () => false,
      );
      if (!up) break;
    }
  });
});
