import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection, StreamMuxer } from '@libp2p/interface';
import { createHost } from '../../../runtime/store/peers/host.ts';
import { LOOPBACK, until } from './support.ts';

/** Type of a Yamux ping (https://github.com/hashicorp/yamux/blob/master/spec.md). */
const PING = 2;

/** A connection as js-libp2p has it inside. */
interface Inside extends Connection {
  readonly muxer: StreamMuxer & { sendFrame(header: { readonly type: number }, data?: unknown): unknown };
}

/** Answers to pings that this end of a connection has sent, or would have sent. */
function answersOf(connection: Connection, answers: boolean): () => number {
  const { muxer } = connection as Inside;
  const sendFrame = muxer.sendFrame.bind(muxer);
  let count = 0;
  muxer.sendFrame = (header, data) => {
    if (header.type !== PING) return sendFrame(header, data);
    count++;
    return answers ? sendFrame(header, data) : true;
  };
  return () => count;
}

test('a peer that answers no ping is let go, one that does is not, however often it is asked', async (t) => {
  const settings = { privateKey: null, maxConnections: 16, allow: [] };
  const host = await createHost({ ...settings, listen: [], pings: { everyMs: 50, timeoutMs: 3_000 } });
  // They ask nobody while the test runs.
  const quiet = { ...settings, listen: [LOOPBACK], pings: { everyMs: 600_000 } };
  const [honest, silent] = [await createHost(quiet), await createHost(quiet)];
  for (const one of [host, honest, silent]) {
    await one.start();
    t.after(() => one.stop());
  }
  const counts: (() => number)[] = [];
  honest.addEventListener('connection:open', ({ detail }) => counts.push(answersOf(detail, true)));
  silent.addEventListener('connection:open', ({ detail }) => counts.push(answersOf(detail, false)));
  const kept = await host.dial(honest.getMultiaddrs());
  await until(() => counts.length === 1);
  const lost = await host.dial(silent.getMultiaddrs());
  await until(() => counts.length === 2);
  await until(() => lost.status !== 'open');
  await until(() => (counts[0]?.() ?? 0) >= 5);
  assert.equal(counts[1]?.(), 1, 'one that has not answered is not asked again');
  assert.equal(kept.status, 'open');
});
