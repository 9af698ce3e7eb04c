import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { InferbaseError } from '../../../runtime/core/errors.ts';
import { createPinningService } from '../../../runtime/store/remote/pinning-service.ts';
import { type PinningStandInInit, startPinningService } from '../../support/pinning-stand-in.ts';
import { importFiles, NEVER, wasm } from '../support.ts';

const { cid, blocks } = await importFiles({ '': wasm('serviced', 1_500_000) });
const ORIGIN = '/ip4/127.0.0.1/tcp/9011/p2p/12D3KooWNDd8T93C6euUr8xBBct8uXXSsugK7SHu7bKmiUHmkEsP';

async function openService(t: TestContext, init: Partial<PinningStandInInit> & { waitMs?: number } = {}) {
  const fetch = async (wanted: { toString(): string }): Promise<Uint8Array> => {
    const block = blocks.get(wanted.toString());
    if (block === undefined) throw new Error('nobody has it');
    return block;
  };
  const standIn = await startPinningService(t, { fetch, token: 'geheim', ...init });
  const { waitMs = 20_000 } = init;
  const service = createPinningService({ name: 'acme', url: standIn.url, token: 'geheim', origins: [ORIGIN], waitMs });
  t.after(() => service.close());
  const pin = () => service.pin({ cid, name: 'f', car: () => assert.fail('it takes no blocks'), signal: NEVER });
  return { standIn, service, pin };
}

suite('a pinning service', () => {
  test('is asked by CID and with origins, waited for, listed, and asked to forget', async (t) => {
    const { service, standIn, pin } = await openService(t);
    assert.equal(await pin(), 'pinned');
    const [made] = standIn.pins.values();
    assert.deepEqual([made?.cid, made?.name, made?.origins], [cid.toString(), 'f', [ORIGIN]]);
    assert.equal(standIn.blocks.size, 3);
    const [listed] = await service.list(NEVER);
    assert.deepEqual([listed?.cid, listed?.name, listed?.status], [cid.toString(), 'f', 'pinned']);
    assert.equal(await service.unpin(cid, NEVER), true);
    assert.equal(await service.unpin(cid, NEVER), false);
    assert.equal(standIn.pins.size, 0);
  });

  test('that cannot find the blocks says why', async (t) => {
    const { pin } = await openService(t, { fetch: () => Promise.reject(new Error('no provider')) });
    await assert.rejects(pin(), {
      code: 'ERR_SOURCE_UNAVAILABLE',
      message: /could not pin bafybei\w+: no provider; check that it can reach/,
    });
  });

  test('that takes too long is left at it: the status says so', async (t) => {
    const { pin } = await openService(t, { fetch: () => new Promise(() => {}), waitMs: 300 });
    assert.equal(await pin(), 'pinning');
  });

  test('may fail now and then while it is waited for', async (t) => {
    let asked = 0;
    const interfere: PinningStandInInit['interfere'] = (request, response) => {
      const failing = request.method === 'GET' && ++asked <= 2;
      if (failing) response.writeHead(503).end();
      return failing;
    };
    const { pin } = await openService(t, { interfere });
    assert.equal(await pin(), 'pinned');
  });

  test('that knows the pin already is asked for it', async (t) => {
    const duplicate: PinningStandInInit['interfere'] = (request, response) => {
      const again = request.method === 'POST' && standIn.pins.size > 0;
      if (again) response.writeHead(400).end('{"error":{"reason":"DUPLICATE_OBJECT"}}');
      return again;
    };
    const { pin, standIn } = await openService(t, { interfere: duplicate });
    assert.equal(await pin(), 'pinned');
    assert.equal(await pin(), 'pinned');
  });

  const body = (over: object) =>
    JSON.stringify({ requestid: '1', status: 'pinned', created: '', pin: { cid: cid.toString() }, ...over });
  const rows: readonly [name: string, status: number, text: string, code: string, message: RegExp][] = [
    [
      '401',
      401,
      '{"error":{"reason":"UNAUTHORIZED"}}',
      'ERR_PERMISSION_DENIED',
      /refused with 401: UNAUTHORIZED; set pinning\.acme\.token/,
    ],
    [
      '402 and no funds',
      402,
      '{"error":{"reason":"INSUFFICIENT_FUNDS","details":"pay"}}',
      'ERR_SOURCE_UNAVAILABLE',
      /answered 402: INSUFFICIENT_FUNDS, pay; see/,
    ],
    ['a page of its own', 404, '<html>', 'ERR_SOURCE_UNAVAILABLE', /answered 404: <html>; check pinning\.acme\.url/],
    ['500', 500, '', 'ERR_SOURCE_UNAVAILABLE', /answered 500; try again later/],
    [
      'another CID',
      202,
      body({ pin: { cid: 'bafkqaaa' } }),
      'ERR_INTEGRITY',
      /answered about "bafkqaaa" instead of bafybei/,
    ],
    ['a status of its own', 202, body({ status: 'perhaps' }), 'ERR_SOURCE_UNAVAILABLE', /no pin status/],
    ['null', 202, 'null', 'ERR_SOURCE_UNAVAILABLE', /no pin status/],
    ['no JSON', 202, 'ok', 'ERR_SOURCE_UNAVAILABLE', /not JSON/],
  ];
  for (const [name, status, text, code, message] of rows) {
    test(`answers with ${name}`, async (t) => {
      const { pin } = await openService(t, {
        interfere: (_request, response) => Boolean(response.writeHead(status).end(text)),
      });
      await assert.rejects(pin(), (error: InferbaseError) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /geheim/);
        return true;
      });
    });
  }
});
