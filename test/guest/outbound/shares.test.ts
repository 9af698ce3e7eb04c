import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytesOf, failureOf, get, outboundFor, serve, textOf } from './loopback.ts';

describe('sockets to one place', () => {
  it('are given up by the execution that holds the most of them, its oldest response first', async (t) => {
    const { origin } = await serve(t, (request, response) => {
      if (request.url === '/quick') response.end('quick');
      else response.write(`begin${'x'.repeat(200_000)}`);
    });
    const outbound = outboundFor(t, { model: { url: origin } }, 8);
    const greedy = new AbortController().signal;
    const modest = new AbortController().signal;
    const open = async (signal: AbortSignal) => outbound.request(get('http://model/slow', { signal }));
    const held = [];
    for (let index = 0; index < 6; index++) held.push(await open(greedy));
    const own = [await open(modest), await open(modest)];
    // All eight are taken: those who come now are served all the same.
    for (let index = 0; index < 3; index++) {
      const signal = new AbortController().signal;
      assert.equal(await textOf(await outbound.request(get('http://model/quick', { signal }))), 'quick');
    }
    const [first, ...others] = held;
    assert.ok(first !== undefined);
    const failure = await failureOf(bytesOf(first));
    assert.equal(failure.kind, 'transport');
    assert.match(failure.message, /ended for others.*read or close/);
    for (const response of [...others.slice(-1), ...own]) {
      const target = new Uint8Array(5);
      assert.equal(await response.read(target), 5);
      assert.equal(Buffer.from(target).toString(), 'begin');
      response.cancel();
    }
  });

  it('stay with executions that hold one each: the next one waits its turn', async (t) => {
    const waiting: (() => void)[] = [];
    const { origin } = await serve(t, (_request, response) => waiting.push(() => response.end('done')));
    const outbound = outboundFor(t, { model: { url: origin } }, 2);
    const asked = Array.from({ length: 5 }, () =>
      outbound.request(get('http://model/', { signal: new AbortController().signal })).then(textOf),
    );
    let answered = 0;
    for (const answer of asked) answer.then(() => answered++);
    while (answered < 5) {
      for (const answer of waiting.splice(0)) answer();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.deepEqual(await Promise.all(asked), Array(5).fill('done'));
  });
});
