import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { ModuleFacts, PreparedModule } from '../../runtime/core/module-facts.ts';
import { decodeEntry, encodeEntry, entryName, REWRITER_VERSION } from '../../runtime/wasm/module-cache.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { wat } from '../support/wat.ts';

describe('entry of a prepared module', () => {
  let prepared: PreparedModule;
  let entry: Uint8Array;
  before(async () => {
    prepared = prepareModule(
      await wat('(module (memory 1) (func (export "\\c3\\bc") (drop (memory.grow (i32.const 1)))))'),
    );
    entry = encodeEntry(prepared);
  });

  test('gives back what was put in, without a copy', () => {
    const decoded = decodeEntry(entry);
    assert.deepEqual(decoded?.facts, prepared.facts);
    assert.deepEqual(Buffer.from(decoded?.bytes ?? []), Buffer.from(prepared.bytes));
    assert.equal(decoded?.bytes.buffer, entry.buffer);
  });

  test('can be read from the middle of a larger buffer', () => {
    const larger = new Uint8Array(entry.length + 20);
    larger.set(entry, 13);
    assert.deepEqual(decodeEntry(larger.subarray(13, 13 + entry.length))?.facts, prepared.facts);
  });

  test('with any bit changed is not read', () => {
    for (let at = 0; at < entry.length; at += 1) {
      const changed = entry.slice();
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      assert.equal(decodeEntry(changed), undefined, `byte ${at}`);
    }
  });

  test('without a fact of this version, or with one of another kind, is not read', () => {
    const { facts, bytes } = prepared;
    for (const key of Object.keys(facts) as (keyof ModuleFacts)[]) {
      const { [key]: _, ...fewer } = facts;
      assert.equal(decodeEntry(encodeEntry({ facts: fewer as ModuleFacts, bytes })), undefined, key);
      assert.equal(decodeEntry(encodeEntry({ facts: { ...facts, [key]: undefined }, bytes })), undefined, key);
    }
    for (const other of [null, [], 'facts', 7]) {
      assert.equal(decodeEntry(encodeEntry({ facts: other as unknown as ModuleFacts, bytes })), undefined);
    }
  });

  test('cut short or too long is not read', () => {
    for (let length = 0; length < entry.length; length += 1) {
      assert.equal(decodeEntry(entry.subarray(0, length)), undefined, `${length} bytes`);
    }
    assert.equal(decodeEntry(Uint8Array.from([...entry, 0])), undefined);
  });

  test('is named by hash, rewriter and features, safe as a file name', () => {
    const name = entryName(prepared.facts.sha256);
    assert.ok(name.startsWith(prepared.facts.sha256));
    assert.ok(name.includes(`r${REWRITER_VERSION}`));
    assert.match(name, /^[a-z0-9.-]+$/);
  });
});
