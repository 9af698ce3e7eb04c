import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encodeString } from '../../runtime/wire/go-json.ts';
import { encodeTime, float, object, toText } from '../../runtime/wire/go-writer.ts';
import { readGolden } from './golden.ts';

const golden = readGolden('c');

suite('JSON as Go writes it', () => {
  test('strings', () => {
    for (const { inputBase64, json } of golden.strings ?? []) {
      const written = encodeString(toText(Buffer.from(inputBase64, 'base64')));
      // Go writes an escape for each bad byte; read and written again it is the character itself, as it is here at once.
      assert.equal(written, json.replaceAll('\\ufffd', '\ufffd'), inputBase64);
    }
  });

  test('times', () => {
    for (const { unixNano, json } of golden.times ?? []) {
      const padded = json.slice(1, -2);
      const nine = padded.includes('.') ? padded.padEnd(29, '0') : `${padded}.000000000`;
      assert.equal(encodeTime(`${nine}Z`), json.slice(1, -1), unixNano);
      assert.equal(encodeTime(`${padded}+00:00`), json.slice(1, -1), unixNano);
    }
    assert.equal(encodeTime(''), '0001-01-01T00:00:00Z');
    assert.equal(encodeTime('2024-07-01T11:54:23.1200000000001+02:00'), '2024-07-01T11:54:23.12+02:00');
  });

  test('floats', () => {
    const write = object<{ value: number }>(float('value'));
    for (const { bits, json } of golden.floats ?? []) {
      const value = Buffer.from(bits.padStart(16, '0'), 'hex').readDoubleBE();
      assert.equal(write({ value }), `{"value":${json}}`, bits);
    }
  });
});
