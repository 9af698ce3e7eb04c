import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { alloraArgv, readAlloraRequest } from '../../../runtime/services/cgi/allora-request.ts';

const read = (text: string | Uint8Array, ended = false) => readAlloraRequest(Buffer.from(text as string), ended);
const framed = (json: string, length = Buffer.byteLength(json)) => `${length}\r\n${json}\r\n`;

describe('a request to cgi-allora-infer', () => {
  const json = '{"arguments":["ETH"], "topicid":"7", "blockHeight":"100", "BLOCKHEIGHTEVAL":"90"}';
  const request = { args: ['ETH'], topicId: '7', blockHeight: '100', blockHeightEval: '90' };

  test('is read when it is complete, not before, with keys in any case', () => {
    const text = framed(json);
    assert.deepEqual(read(text), request);
    assert.deepEqual(read(text.replaceAll('\r\n', '\n')), request);
    assert.deepEqual(read(text.trimEnd(), true), request);
    for (let end = 0; end < text.length - 1; end++) assert.equal(read(text.slice(0, end)), null, `${end}`);
  });

  test('may count bytes or UTF-16 units', () => {
    const other = '{"arguments":["naïve 😀"],"topicid":"1"}';
    assert.notEqual(other.length, Buffer.byteLength(other));
    for (const length of [other.length, Buffer.byteLength(other)]) {
      assert.deepEqual(read(framed(other, length)), {
        args: ['naïve 😀'],
        topicId: '1',
        blockHeight: '',
        blockHeightEval: '',
      });
    }
  });

  test('that cannot be read says why, as the extension does', () => {
    const rows: readonly [text: string, ended: boolean, message: RegExp][] = [
      ['', true, /^No valid input/],
      ['x\r\n{}\r\n', false, /^Invalid length/],
      ['-1\r\n{}\r\n', false, /^Invalid length/],
      ['9999999\r\n{}\r\n', false, /^Invalid length/],
      ['1'.repeat(65), false, /^Invalid length/],
      ['2\r\n{"arguments":[]}\r\n', false, /^Data length mismatch/],
      ['50\r\n{}\r\n', true, /^Data length mismatch/],
      [framed('{"arguments":["{"a":1}"]}'), false, /^Error parsing JSON/],
      [framed('null'), false, /^Error parsing JSON/],
      [framed('{"arguments":["\\u0000"]}'), false, /^Error parsing JSON/],
    ];
    for (const [text, ended, message] of rows) {
      const answer = read(text, ended);
      assert.ok(typeof answer === 'string', `${text}: ${JSON.stringify(answer)}`);
      assert.match(answer, message, text);
    }
  });

  test('without arguments, or with others than text, leaves them out', () => {
    assert.deepEqual(read(framed('{"arguments":[1,"a",null],"topicid":7}')), {
      args: ['a'],
      topicId: '',
      blockHeight: '',
      blockHeightEval: '',
    });
    assert.deepEqual(read(framed('{"arguments":"x","__proto__":{"topicid":"1"}}')), {
      args: [],
      topicId: '',
      blockHeight: '',
      blockHeightEval: '',
    });
  });

  test('becomes arguments in the order of each release', () => {
    assert.deepEqual(alloraArgv('v0.1.2', request), ['ETH', '7']);
    assert.deepEqual(alloraArgv('v0.1.4', request), ['7', 'ETH']);
    assert.deepEqual(alloraArgv('v0.2.0', request), ['7', '100', '90', 'ETH']);
  });
});
