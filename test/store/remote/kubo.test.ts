import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { CID } from 'multiformats/cid';
import type { InferbaseError } from '../../../runtime/core/errors.ts';
import { writeCar } from '../../../runtime/store/car/write-car.ts';
import { createKubo } from '../../../runtime/store/remote/kubo.ts';
import { readBack, verifyElsewhere } from '../../../runtime/store/remote/verification.ts';
import { type Interference, startKubo } from '../../support/kubo-stand-in.ts';
import { type Blocks, importFiles, NEVER, wasm } from '../support.ts';

const { cid, blocks } = await importFiles({ '': wasm('remote', 1_500_000) });

/** A CAR of these blocks, the root's being last. */
async function* car(root: CID = cid, all: Blocks = blocks): AsyncGenerator<Uint8Array> {
  const { CID: Cid } = await import('multiformats/cid');
  yield* writeCar(
    [root],
    (async function* () {
      for (const [text, bytes] of all) yield { cid: Cid.parse(text), bytes };
    })(),
  );
}

async function openKubo(t: TestContext, interfere?: Interference) {
  const standIn = await startKubo(t, interfere);
  const kubo = createKubo(new URL(`${standIn.url}/`));
  t.after(() => kubo.close());
  const pin = () => kubo.pin({ cid, name: 'f', car: () => car(), signal: NEVER });
  return { standIn, kubo, pin };
}

const OPTIONS = { sourceTimeoutMs: 5_000, signal: NEVER, onBlock: () => {} };

/** Reads the request to its end, then answers. */
function afterBody(answer: (response: Parameters<Interference>[2]) => unknown): Interference {
  return (command, request, response) => {
    if (command !== 'dag/import') return false;
    request.resume().on('end', () => answer(response));
    return true;
  };
}

suite('Kubo', () => {
  test('is sent a CAR, pins it by name, lists it and gives every block back', async (t) => {
    const { kubo, standIn, pin } = await openKubo(t);
    assert.equal(await pin(), 'pinned');
    assert.deepEqual(await kubo.list(NEVER), [{ cid: cid.toString(), name: 'f', status: 'pinned', pinnedAt: null }]);
    assert.deepEqual(standIn.asked, ['dag/import', 'pin/add', 'pin/ls']);
    const verified = await verifyElsewhere(cid, { gateways: [], place: kubo.blocks }, OPTIONS);
    assert.deepEqual([verified?.blocks, verified?.sources], [3, [standIn.url]]);
    assert.equal(await kubo.unpin(cid, NEVER), true);
    assert.equal(await kubo.unpin(cid, NEVER), false);
  });

  test('is not verified where there is nothing to read from', async () => {
    assert.equal(await verifyElsewhere(cid, { gateways: [], place: null }, OPTIONS), null);
  });

  test('refuses a CAR of which a block is wrong or missing, and that is told', async (t) => {
    const { kubo } = await openKubo(t);
    const [first = ''] = blocks.keys();
    const wrong = new Map(blocks).set(first, Buffer.from('other bytes'));
    const short = new Map(blocks);
    short.delete(first);
    for (const [all, message] of [
      [wrong, /does not match its CID/],
      [short, /answered 500: block was not found/],
    ] as const) {
      await assert.rejects(kubo.pin({ cid, name: '', car: () => car(cid, all), signal: NEVER }), { message });
    }
  });

  const rows: readonly [name: string, interfere: Interference, code: string, message: RegExp][] = [
    [
      'a wanted password',
      (_command, _request, response) => Boolean(response.writeHead(403).end('Access Denied')),
      'ERR_PERMISSION_DENIED',
      /refused with 403: Access Denied; give user and password in the URL/,
    ],
    [
      'a server error, in its own words on one line',
      (_command, _request, response) =>
        Boolean(response.writeHead(500).end('{"Message":"no space\\n\\u001b[2Jleft","Code":0}')),
      'ERR_SOURCE_UNAVAILABLE',
      /answered 500: no space \[2Jleft; try again later, or see its log/,
    ],
    [
      'a page that is no RPC API',
      (_command, _request, response) => Boolean(response.writeHead(404).end('nothing here')),
      'ERR_SOURCE_UNAVAILABLE',
      /answered 404: nothing here; check the URL/,
    ],
    [
      'a redirect, not followed',
      (_command, _request, response) => Boolean(response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()),
      'ERR_SOURCE_UNAVAILABLE',
      /answered 307, and redirects are not followed/,
    ],
    [
      'another CID than was sent',
      afterBody((response) => response.end('{"Root":{"Cid":{"/":"bafkqaaa"},"PinErrorMsg":""}}\n')),
      'ERR_INTEGRITY',
      /imported "bafkqaaa" instead of bafybei/,
    ],
    [
      'a pin that failed',
      afterBody((response) => response.end(`{"Root":{"Cid":{"/":"${cid}"},"PinErrorMsg":"disk full"}}\n`)),
      'ERR_SOURCE_UNAVAILABLE',
      /answered 500: disk full/,
    ],
    [
      'a failure after the body',
      afterBody((response) => {
        response.writeHead(200, { trailer: 'X-Stream-Error' });
        response.write(`{"Root":{"Cid":{"/":"${cid}"}}}\n`);
        response.addTrailers({ 'X-Stream-Error': 'unexpected EOF' });
        response.end();
      }),
      'ERR_SOURCE_UNAVAILABLE',
      /answered 500: unexpected EOF/,
    ],
    ['silence about the root', afterBody((response) => response.end('{}\n')), 'ERR_SOURCE_UNAVAILABLE', /did not say/],
    ['no JSON', afterBody((response) => response.end('<html>')), 'ERR_SOURCE_UNAVAILABLE', /answered what is not JSON/],
    [
      'a list of pins without ours',
      (command, _request, response) => command === 'pin/add' && Boolean(response.end('{"Pins":["bafkqaaa"]}')),
      'ERR_INTEGRITY',
      /pinned \["bafkqaaa"\] instead of/,
    ],
    [
      'more than anybody reads',
      (command, _request, response) => command === 'pin/add' && Boolean(response.end(Buffer.alloc(9_000_000, 32))),
      'ERR_SOURCE_UNAVAILABLE',
      /answered with more than 8388608 bytes/,
    ],
    [
      'a broken connection',
      (_command, request) => Boolean(request.socket.destroy()),
      'ERR_SOURCE_UNAVAILABLE',
      /cannot be reached \(.+\); check the URL/,
    ],
  ];
  for (const [name, interfere, code, message] of rows) {
    test(`answers with ${name}`, async (t) => {
      const { pin } = await openKubo(t, interfere);
      await assert.rejects(pin(), (error: InferbaseError) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  test('that gives back other bytes, or no longer has a block, is not what it says', async (t) => {
    for (const [answer, message] of [
      [(response: Parameters<Interference>[2]) => response.end('other bytes'), /does not give it back whole/],
      [
        (response: Parameters<Interference>[2]) => response.writeHead(500).end('{"Message":"ipld: could not find x"}'),
        /does not give it back whole/,
      ],
    ] as const) {
      const { kubo, pin } = await openKubo(t, (command, _request, response) =>
        command === 'block/get' ? Boolean(answer(response)) : false,
      );
      await pin();
      const verified = verifyElsewhere(cid, { gateways: [], place: kubo.blocks }, OPTIONS);
      await assert.rejects(verified, { code: 'ERR_INTEGRITY', message });
    }
  });

  test('that hangs is given up when the caller does, and after a while when it is read from', async (t) => {
    const { kubo, pin } = await openKubo(t, (command) => command !== 'dag/import' && command !== 'pin/add');
    await pin();
    await assert.rejects(kubo.list(AbortSignal.timeout(100)), { code: 'ERR_CANCELLED' });
    const sources = [kubo.blocks].filter((source) => source !== null);
    await assert.rejects(readBack(cid, sources, { ...OPTIONS, sourceTimeoutMs: 100 }), {
      code: 'ERR_SOURCE_UNAVAILABLE',
      details: [`${sources[0]?.name}: gave no block within 100 ms`],
    });
  });
});
