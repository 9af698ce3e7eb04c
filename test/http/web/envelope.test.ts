import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readResponse } from '../../../runtime/http/web/envelope.ts';

const BOUNDARY = 'ab'.repeat(16);
const read = (text: string) => {
  const { status, headers, body } = readResponse(Buffer.from(text), BOUNDARY);
  return { status, headers: [...headers], body: Buffer.from(body).toString() };
};
const line = (head: string) => `--inferbase ${BOUNDARY} ${head}\n`;

describe('the envelope of a response', () => {
  test('what is printed around it is no part of it', () => {
    const head = '{"status":201,"headers":[["X-A","1"],["x-a","2"],["content-type","a/b"]],"length":4}';
    assert.deepEqual(read(`before${line(head)}bodyafter`), {
      status: 201,
      headers: [
        ['x-a', ['1', '2']],
        ['content-type', ['a/b']],
      ],
      body: 'body',
    });
    assert.equal(read(`${line('{"status":200,"length":0}')}rest`).body, '');
  });

  test('without one all of it is the body', () => {
    const other = `--inferbase ${'00'.repeat(16)} {"status":500,"length":0}\n`;
    assert.deepEqual([read(other).status, read(other).body], [200, other]);
  });

  const BROKEN: readonly (readonly [text: string, message: RegExp])[] = [
    [`--inferbase ${BOUNDARY} {"status":200,"length":0}`, /not one line/],
    [line('nonsense'), /not JSON/],
    [line('null'), /status is not/],
    [line('7'), /status is not/],
    [line('{"status":"200","length":0}'), /status is not/],
    [line('{"status":100,"length":0}'), /status is not/],
    [line('{"status":200}'), /length is not/],
    [line('{"status":200,"length":-1}'), /length is not/],
    [line('{"status":200,"length":1e99}'), /length is not/],
    [`${line('{"status":200,"length":9}')}short`, /4 of its 9 bytes are missing/],
    [line('{"status":200,"length":0,"headers":{"a":"b"}}'), /not pairs/],
    [line('{"status":200,"length":0,"headers":[["a"]]}'), /not pairs/],
    [line('{"status":200,"length":0,"headers":[["a",1]]}'), /not pairs/],
    [line('{"status":200,"length":0,"headers":[["a b","c"]]}'), /which HTTP does not allow/],
    [line('{"status":200,"length":0,"headers":[["","c"]]}'), /which HTTP does not allow/],
    [line('{"status":200,"length":0,"headers":[["a","b\\r\\nc: d"]]}'), /does not allow/],
    [line('{"status":200,"length":0,"headers":[["a","\\u0000"]]}'), /does not allow/],
    [line('{"status":200,"length":0,"headers":[["a","€"]]}'), /does not allow/],
    [
      line(`{"status":200,"length":0,"headers":[${Array(65).fill('["a","b"]').join(',')}]}`),
      /65 headers and at most 64/,
    ],
    [line(`{"status":200,"length":0,"headers":[["a","${'b'.repeat(20_000)}"]]}`), /20001 bytes of headers/],
    [line(`{"status":200,"length":0,"headers":[["a","${'b'.repeat(70_000)}"]]}`), /not one line/],
  ];
  test('a megabyte of brackets is text, unparsed', () => {
    const { headers } = read(`${'['.repeat(500_000)}${']'.repeat(500_000)}`);
    assert.deepEqual(headers, [['content-type', ['text/plain; charset=utf-8']]]);
  });

  test('one that is broken is refused by name, whatever a guest makes of it', () => {
    for (const [text, message] of BROKEN) {
      assert.throws(() => read(text), message, text.slice(0, 200));
    }
  });
});
