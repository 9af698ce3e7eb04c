import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { decodeMessage } from '../../runtime/wire/messages/message.ts';
import { toRollCall } from '../../runtime/wire/messages/roll-call.ts';
import { toWorkOrder } from '../../runtime/wire/messages/work-order.ts';

const cases: readonly (readonly [name: string, text: string, reason: RegExp])[] = [
  ['nothing', '', /it is empty$/],
  ['half a message', '{"type":"MsgRollCall","requ', /it ends too early$/],
  ['no JSON', 'GET / HTTP/1.1', /invalid character 'G' looking for beginning of value \(byte 1\)$/],
  ['a list', '[]', /it is no JSON object$/],
  ['null', 'null', /it is no JSON object$/],
  ['no type', '{"request_id":"r"}', /it has no type$/],
  ['a type that is a number', '{"type":3}', /it has no type$/],
  ['an unknown type', '{"type":"MsgSelfDestruct"}', /its type "MsgSelfDestruct" is unknown$/],
  ['a type of every object', '{"type":"constructor"}', /its type "constructor" is unknown$/],
  ['a very long type', `{"type":"${'x'.repeat(1e6)}"}`, /its type "x{64}" is unknown$/],
  [
    'a number where a text stands',
    '{"type":"MsgRollCall","request_id":7}',
    /request_id is number where string is expected \(byte 36\)$/,
  ],
  [
    'a negative consensus',
    '{"type":"MsgRollCall","consensus":-1}',
    /consensus is number -1 where uint is expected \(byte 36\)$/,
  ],
  [
    'results that are a list',
    '{"type":"MsgExecuteResponse","results":[]}',
    /results is array where map\[string\]execute.NodeResult is expected/,
  ],
  [
    'a result whose exit code is a text',
    '{"type":"MsgExecuteResponse","results":{"x":{"result":{"exit_code":"0"}}}}',
    /results\.x\.result\.exit_code is string where int is expected/,
  ],
  [
    'a time that is none',
    '{"type":"MsgWorkOrder","timestamp":"yesterday"}',
    /timestamp is string where time.Time is expected/,
  ],
  [
    'a time of month 13',
    '{"type":"MsgWorkOrder","timestamp":"2024-13-01T00:00:00Z"}',
    /timestamp is string where time.Time/,
  ],
  ['brackets for ever', '['.repeat(5e5), /more than 250000 JSON values|exceeded max depth/],
  ['many small values', `{"type":"MsgExecute","x":[${'0,'.repeat(3e5)}0]}`, /more than 250000 JSON values/],
];

suite('a message that cannot be read is refused with the reason:', () => {
  for (const [name, text, reason] of cases) {
    test(name, () => {
      assert.throws(
        () => decodeMessage(Buffer.from(text)),
        (error) => {
          assert.ok(error instanceof InferbaseError);
          assert.equal(error.code, 'ERR_INVALID_REQUEST');
          assert.match(error.message, reason);
          assert.ok(error.message.length < 500);
          return true;
        },
      );
    });
  }

  test('a roll call for no request', () => {
    const message = decodeMessage(Buffer.from('{"type":"MsgRollCall","function_id":"f"}'));
    assert.ok(message.type === 'MsgRollCall');
    assert.throws(() => toRollCall(message, 't'), { message: 'MsgRollCall without request_id' });
  });

  test('an order of no function', () => {
    const message = decodeMessage(Buffer.from('{"type":"MsgWorkOrder","request_id":"r"}'));
    assert.ok(message.type === 'MsgWorkOrder');
    assert.throws(() => toWorkOrder(message), { message: 'MsgWorkOrder without function_id' });
  });

  test('a request id that is a book', () => {
    const text = `{"type":"MsgRollCall","function_id":"f","request_id":"${'x'.repeat(1e5)}"}`;
    const message = decodeMessage(Buffer.from(text));
    assert.ok(message.type === 'MsgRollCall');
    assert.throws(() => toRollCall(message, 't'), /request_id of 100000 characters; at most 128/);
  });

  test('what an unknown key holds is not handed on, however deep it is', () => {
    const deep = '['.repeat(20_000) + ']'.repeat(20_000);
    const config = `{"x":${deep},"stdin":"in","runtime":{"x":${deep}}}`;
    const text = `{"x":${deep},"type":"MsgWorkOrder","request_id":"r","function_id":"f","config":${config}}`;
    const message = decodeMessage(Buffer.from(text));
    assert.ok(message.type === 'MsgWorkOrder');
    assert.deepEqual(structuredClone(toWorkOrder(message).request), {
      function_id: 'f',
      config: { stdin: 'in', runtime: {} },
    });
  });

  test('keys that every object has do no harm', () => {
    const text = '{"__proto__":{"type":"x"},"constructor":1,"type":"MsgHealthCheck","code":200,"toString":null}';
    const message = decodeMessage(Buffer.from(text));
    assert.equal(message.type, 'MsgHealthCheck');
    assert.equal(message.code, 200);
  });
});
