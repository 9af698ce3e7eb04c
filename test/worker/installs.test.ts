import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { createInstalls, type Installs, type InstallsInit } from '../../runtime/worker/installs.ts';
import { HEAD, OTHER_HEAD } from './support.ts';

interface Tried {
  readonly installs: Installs;
  /** CIDs whose install has begun, in order. */
  readonly begun: string[];
  readonly failed: string[];
  finish(cid: string, error?: unknown): Promise<void>;
}

function open(init: InstallsInit = {}): Tried {
  const begun: string[] = [];
  const failed: string[] = [];
  const open = new Map<string, PromiseWithResolvers<void>>();
  const installs = createInstalls(
    {
      install(cid, signal) {
        begun.push(cid);
        const end = Promise.withResolvers<void>();
        open.set(cid, end);
        signal.addEventListener('abort', () => end.reject(signal.reason), { once: true });
        return end.promise;
      },
      onFailed: (cid) => failed.push(cid),
    },
    init,
  );
  return {
    installs,
    begun,
    failed,
    async finish(cid, error) {
      if (error === undefined) open.get(cid)?.resolve();
      else open.get(cid)?.reject(error);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

suite('installs of a worker', () => {
  test('one that many heads ask for happens once', async () => {
    const { installs, begun, finish } = open();
    const ends = [HEAD, HEAD, OTHER_HEAD].map((head) => installs.start('a', head));
    assert.deepEqual(begun, ['a']);
    await finish('a');
    assert.deepEqual(await Promise.all(ends), [null, null, null]);
  });

  test('so many happen at once, and a head that asks for much leaves room for another', async () => {
    const { installs, begun, finish } = open({ atOnce: 4, queue: 8 });
    for (const cid of ['a', 'b', 'c', 'd', 'e', 'f']) void installs.start(cid, HEAD);
    assert.deepEqual(begun, ['a', 'b'], 'half of them are any one head’s');
    const refused = await installs.start('g', HEAD);
    assert.equal(refused?.code, 'ERR_BUSY');
    void installs.start('h', OTHER_HEAD);
    assert.deepEqual(begun, ['a', 'b', 'h']);
    await finish('a');
    assert.deepEqual(begun, ['a', 'b', 'h', 'c']);
  });

  test('a failure is remembered, so that a flood of nonsense asks the sources once', async () => {
    const { installs, begun, failed, finish } = open({ failedMs: 60_000 });
    const end = installs.start('a', HEAD);
    await finish('a', new InferbaseError('ERR_SOURCE_UNAVAILABLE', 'no source has it'));
    assert.equal((await end)?.code, 'ERR_SOURCE_UNAVAILABLE');
    for (let i = 0; i < 100; i++) {
      assert.equal((await installs.start('a', OTHER_HEAD))?.code, 'ERR_SOURCE_UNAVAILABLE');
    }
    assert.deepEqual([begun, failed], [['a'], ['a']]);
    assert.equal(installs.failure('a')?.message, 'no source has it');
  });

  test('closing ends those under way and those that wait', async () => {
    const { installs, failed } = open({ atOnce: 1 });
    const ends = ['a', 'b'].map((cid) => installs.start(cid, HEAD));
    installs.close();
    assert.deepEqual(
      (await Promise.all(ends)).map((end) => end?.code),
      ['ERR_CLOSED', 'ERR_CLOSED'],
    );
    assert.equal((await installs.start('c', HEAD))?.code, 'ERR_CLOSED');
    assert.deepEqual(failed, [], 'which is no failure to tell of');
  });
});
