import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { createPortSource, serveSource } from '../../runtime/store/sources/port-source.ts';
import { rawCid } from './peers/support.ts';
import { NEVER } from './support.ts';

const bytes = Buffer.from('a block');
const cid = rawCid(bytes);

suite('a source in another thread', () => {
  test('that was replaced is asked again through its new port', async () => {
    const [first, second] = [new MessageChannel(), new MessageChannel()];
    const source = createPortSource({ name: 'there', port: first.port1 });
    const waiting = source.fetchBlock(cid, { signal: NEVER });
    first.port2.close();
    await assert.rejects(waiting, { code: 'ERR_SOURCE_UNAVAILABLE', message: /its thread is gone/ });
    await assert.rejects(source.fetchBlock(cid, { signal: NEVER }), { code: 'ERR_SOURCE_UNAVAILABLE' });

    serveSource(second.port2, { name: 'there', fetchBlock: async () => bytes });
    source.renew(second.port1);
    // A port that waits keeps no process alive; here nothing else does.
    const keep = setInterval(() => {}, 1_000);
    assert.deepEqual(Buffer.from(await source.fetchBlock(cid, { signal: NEVER })), bytes);
    clearInterval(keep);
    await source.close?.();
  });
});
