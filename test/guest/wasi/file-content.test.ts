import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FileContent } from '../../../runtime/guest/wasi/file-content.ts';
import { Storage } from '../../../runtime/guest/wasi/storage.ts';

/** Same numbers for the same seed (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

describe('content of a file', () => {
  for (const seed of [1, 2, 3, 4]) {
    test(`is what a plain array would hold, after a thousand writes and cuts (seed ${seed})`, (t) => {
      const next = random(seed);
      const first = Uint8Array.from({ length: seed * 50_000 }, () => next(256));
      const original = first.slice();
      const storage = new Storage();
      t.after(() => storage.close());
      const content = new FileContent(storage, first);
      let model = first.slice();
      for (let round = 0; round < 1000; round++) {
        const at = next(300_000);
        const length = next(round % 10 === 0 ? 150_000 : 300);
        const what = next(4);
        if (what === 0) {
          const bytes = new Uint8Array(length).fill(1 + next(255));
          if (model.length < at + length) model = resized(model, at + length);
          model.set(bytes, at);
          assert.ok(content.reserve(at + length));
          content.write(at, bytes);
        } else if (what === 1 && next(5) === 0) {
          model = resized(model, at);
          assert.ok(content.resize(at));
        } else {
          const into = new Uint8Array(length).fill(77);
          const count = content.read(at, into);
          assert.equal(count, Math.max(0, Math.min(length, model.length - at)));
          assert.ok(Buffer.compare(into.subarray(0, count), model.subarray(at, at + count)) === 0);
        }
        assert.equal(content.size, model.length);
      }
      const all = new Uint8Array(model.length);
      content.read(0, all);
      assert.ok(Buffer.compare(all, model) === 0);
      assert.ok(Buffer.compare(first, original) === 0, 'what it began with is shared and must not change');
    });
  }
});

test('what a file takes is given back when it is cut, released, or the execution ends', () => {
  const storage = new Storage({ bytes: 1_000, entries: 10 });
  const content = new FileContent(storage, new Uint8Array(0));
  assert.ok(content.reserve(1_000));
  assert.ok(!content.reserve(1_001));
  assert.equal(content.size, 1_000);
  assert.ok(content.resize(400));
  assert.ok(storage.takeBytes(600));
  assert.ok(!storage.takeBytes(1));
  content.release();
  assert.ok(storage.takeBytes(400));
  storage.close();
  const other = new Storage();
  assert.ok(other.takeBytes(other.limits.bytes));
  other.close();
});

test('executions of a thread together have a bound, too', () => {
  const storages = Array.from({ length: 100 }, () => new Storage());
  const taken = storages.filter((storage) => storage.takeBytes(storage.limits.bytes));
  assert.equal(taken.length, 8);
  const named = storages.filter((storage) => storage.takeEntries(storage.limits.entries));
  assert.equal(named.length, 10);
  assert.ok(!storages[0]?.takeHandle());
  for (const storage of storages) storage.close();
  assert.ok(new Storage().takeBytes(1));
});

function resized(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  return result;
}
