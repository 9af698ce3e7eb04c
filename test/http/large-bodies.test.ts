import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EXECUTE_REQUEST, toExecuteRequest } from '../../runtime/wire/execute-request.ts';
import { decodeJson } from '../../runtime/wire/go-json.ts';

const BODIES: readonly (readonly [name: string, body: string])[] = [
  ['nested arrays', `${'['.repeat(4_000_000)}${']'.repeat(4_000_000)}`],
  ['arrays that never end', '['.repeat(8_000_000)],
  ['empty arrays', `[${'[],'.repeat(2_600_000)}[]]`],
  ['empty objects in a known field', `{"parameters":[${'{},'.repeat(2_600_000)}{}]}`],
  ['numbers in an unknown field', `{"x":[${'1,'.repeat(4_000_000)}1]}`],
  ['nested objects', `${'{"a":'.repeat(1_600_000)}1${'}'.repeat(1_600_000)}`],
];

describe('a body of 8 MiB that would hold the thread while it is parsed is refused unread', () => {
  for (const [name, body] of BODIES) {
    test(name, () => {
      const error = { code: 'ERR_INVALID_REQUEST', message: /more than 250000 JSON values/ };
      assert.throws(() => decodeJson(Buffer.from(body), EXECUTE_REQUEST), error);
    });
  }
});

test('a body of 8 MB in one text is taken, whatever the text is made of', () => {
  const stdin = '[{"a\\\\":[1,2,3]},'.repeat(400_000);
  const body = Buffer.from(JSON.stringify({ config: { stdin } }));
  const asked = toExecuteRequest(decodeJson(body, EXECUTE_REQUEST));
  assert.equal(Buffer.from(asked.stdin).toString(), stdin);
});
