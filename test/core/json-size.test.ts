import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasMoreValuesThan } from '../../runtime/core/json-size.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the number of values of a JSON text', () => {
  test('is what is counted, not what stands in strings', () => {
    const list = `[${'1,'.repeat(50_000)}1]`;
    assert.equal(hasMoreValuesThan(50_001, bytes(list)), false);
    assert.equal(hasMoreValuesThan(50_000, bytes(list)), true);
    for (const text of [
      '[,{'.repeat(50_000),
      '\\",'.repeat(50_000),
      `${'\\\\'.repeat(50_000)}\\",,,`,
      '\\\\",",'.repeat(20_000),
    ]) {
      const json = JSON.stringify({ text });
      assert.equal(hasMoreValuesThan(1, bytes(json)), false, json.slice(0, 40));
      assert.equal(hasMoreValuesThan(1, bytes(`${json},`)), true);
    }
  });

  test('is never too much in a short text', () => {
    assert.equal(hasMoreValuesThan(0, bytes('[['.repeat(30_000))), false);
    assert.equal(hasMoreValuesThan(0, bytes('[['.repeat(40_000))), true);
  });

  test('of a text that is no JSON is counted to its end', () => {
    assert.equal(hasMoreValuesThan(0, bytes(`"${'x'.repeat(100_000)}`)), false);
    assert.equal(hasMoreValuesThan(0, bytes(`"${'\\'.repeat(100_001)}"`)), false);
    assert.equal(hasMoreValuesThan(0, new Uint8Array(100_000)), false);
  });
});
