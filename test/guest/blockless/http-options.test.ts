import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHttpOptions } from '../../../runtime/guest/blockless/http-options.ts';

function headersOf(text: string): unknown {
  const options = parseHttpOptions(text);
  return typeof options === 'number' ? options : options.headers;
}

describe('the options of http_req', () => {
  it('are read as the SDKs write them', () => {
    assert.deepEqual(parseHttpOptions('{"connectTimeout":30,"readTimeout":30,"method":"GET"}'), {
      method: 'GET',
      headers: [],
      body: null,
      connectTimeoutMs: 30_000,
      totalTimeoutMs: 30_000,
    });
    const post = '{"body":"é","headers":"{\\"A\\":\\"b\\"}","connectTimeout":1,"readTimeout":2,"method":"post"}';
    assert.deepEqual(parseHttpOptions(post), {
      method: 'POST',
      headers: [['A', 'b']],
      body: new TextEncoder().encode('é'),
      connectTimeoutMs: 1_000,
      totalTimeoutMs: 2_000,
    });
  });

  it('may give headers as JSON text, as an object or not at all', () => {
    assert.deepEqual(headersOf('{"method":"get","headers":"{}"}'), []);
    assert.deepEqual(headersOf('{"method":"get","headers":""}'), []);
    assert.deepEqual(headersOf('{"method":"get","headers":null}'), []);
    assert.deepEqual(headersOf('{"method":"get"}'), []);
    assert.deepEqual(headersOf('{"method":"get","headers":{"A":"b","C":1}}'), [
      ['A', 'b'],
      ['C', ''],
    ]);
    assert.deepEqual(headersOf('{"method":"get","headers":"[1]"}'), []);
    assert.deepEqual(headersOf('{"method":"get","headers":"null"}'), []);
    assert.deepEqual(headersOf('{"method":"get","headers":{"__proto__":"x"}}'), [['__proto__', 'x']]);
  });

  it('are errno 15 for headers that are none', () => {
    for (const headers of ['"{"', '"x"', '1', 'true']) {
      assert.equal(headersOf(`{"method":"get","headers":${headers}}`), 15, headers);
    }
  });

  it('are errno 10 when they are no JSON object, have no method or no text as body', () => {
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '1',
      '{}',
      '{"method":1}',
      '{"method":null}',
      '{"method":"GET","body":{}}',
    ]) {
      assert.equal(parseHttpOptions(text), 10, text);
    }
  });

  it('are errno 15 for headers of a megabyte, unread', () => {
    assert.equal(headersOf(JSON.stringify({ method: 'get', headers: '['.repeat(1_000_000) })), 15);
  });

  it('ignore times that are no positive whole seconds', () => {
    for (const time of ['-1', '0', '1.5', '"1"', 'null', '1e400']) {
      const options = parseHttpOptions(`{"method":"GET","body":null,"connectTimeout":${time},"readTimeout":${time}}`);
      assert.deepEqual(options, { method: 'GET', headers: [], body: null }, time);
    }
  });
});
