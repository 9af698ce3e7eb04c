import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytesOf, failureOf, get, outboundFor, serve, textOf } from './loopback.ts';

describe('sockets to one place', () => {
  it('are given up by the execution that holds the most of them, its oldest response first', async (t) => {
    const { origin } = await serve(t, (request, response) => {
      if (request.url === '/quick') response.end('quick');
      else response.write(`begin${'x'.repeat(200_000)}`);
    });
    const outbound = outboundFor(t, { model: { url: origin } }, { sockets: 8 });
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
    const outbound = outboundFor(t, { model: { url: origin } }, { sockets: 2 });
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

describe('what was received and not read', () => {
  it('is dropped of the execution that has the most of it, the oldest response first', async (t) => {
    const { origin } = await serve(t, (_request, response) => response.end('x'.repeat(50_000)));
    const outbound = outboundFor(t, { model: { url: origin } }, { unreadBytes: 300_000 });
    const open = async (signal: AbortSignal) => outbound.request(get('http://model/', { signal }));
    const greedy = new AbortController().signal;
    const held = [];
    for (let index = 0; index < 9; index++) held.push(await open(greedy));
    const modest = [];
    for (let index = 0; index < 4; index++) modest.push(await open(new AbortController().signal));
    for (const response of modest) assert.equal((await bytesOf(response)).length, 50_000);
    const ends = await Promise.allSettled(held.map((response) => bytesOf(response)));
    const lost = ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));
    assert.ok(lost.length >= 1 && lost.length < 9, `${lost.length} were dropped`);
    assert.equal(ends[0]?.status, 'rejected');
    for (const reason of lost) assert.match(reason, /dropped for others.*read or close/);
    // What is read or closed counts no longer.
    for (let index = 0; index < 20; index++) assert.equal((await bytesOf(await open(greedy))).length, 50_000);
  });

  it('in single bytes takes little more than its bytes, and comes out as it came', async (t) => {
    const text = 'abcdefghijklmnopqrstuvwxyz'.repeat(1_000);
    const { origin } = await serve(t, (_request, response) => {
      for (const char of text) response.write(char);
      response.end();
    });
    const outbound = outboundFor(t, { model: { url: origin } });
    for (const step of [1, 7, 4_096, 100_000]) {
      const response = await outbound.request(get('http://model/'));
      assert.equal((await bytesOf(response, step)).toString(), text);
    }
  });
});
