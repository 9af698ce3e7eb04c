import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { readWebTarget, toWebExecution } from '../../runtime/http/web/request.ts';
import { createFrameBudget, createFrameReader } from '../../runtime/p2p/lasting/frames.ts';
import { decodeToWorker, encodeToWorker } from '../../runtime/p2p/lasting/messages.ts';
import { requestHash } from '../../runtime/wire/attestation.ts';
import { toExecuteRequest, toOrderedRequest } from '../../runtime/wire/execute-request.ts';
import { decodeMessage, encodeMessage } from '../../runtime/wire/messages/message.ts';
import { executeMessage, toWorkOrder, workOrderMessage } from '../../runtime/wire/messages/work-order.ts';
import { orderOf } from '../p2p/b7s-peers.ts';

const BINARY = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0, 0xff, 0xfe, 0xed, 0xa0, 0x80, 0xc3, 0xbc);

/** The request that a head hands on for a web request with this body. */
function webRequest(body: Uint8Array) {
  return toWebExecution('bafy', readWebTarget('/fn/bafy/'), { method: 'POST', rawHeaders: [], body }, 'b').body;
}

/** Its standard input, as a worker reads it that was sent it in so many ways. */
function received(request: ReturnType<typeof webRequest>): Uint8Array[] {
  const order = { ...orderOf('id'), request };
  const messages = [
    encodeMessage(executeMessage(order), 'a'),
    encodeMessage(executeMessage(order), 'b'),
    encodeMessage(workOrderMessage(order), 'c'),
  ];
  const byWire = messages.map((bytes) => {
    const message = decodeMessage(bytes);
    if (message.type !== 'MsgExecute' && message.type !== 'MsgWorkOrder') throw new Error(message.type);
    return toWorkOrder(message).request;
  });
  const reader = createFrameReader(createFrameBudget(1e6), () => {});
  const [frame] = reader.push(encodeToWorker({ kind: 'order', id: 1, order }));
  const kept = frame === undefined ? undefined : decodeToWorker(frame);
  if (kept?.kind !== 'order') throw new Error('no order');
  return [...byWire, kept.order.request].map((one) => toOrderedRequest(one).stdin);
}

suite('the body of a web request on its way to a worker', () => {
  test('keeps every byte by the b7s wire in all dialects and by kept streams', () => {
    for (const body of [BINARY, new Uint8Array(0), Buffer.from('{"text":"ü"}')]) {
      for (const stdin of received(webRequest(body))) assert.deepEqual(Buffer.from(stdin), Buffer.from(body));
    }
  });

  test('is text and nothing else where it is UTF-8, as workers of the older stack read it', () => {
    assert.equal(webRequest(Buffer.from('ü')).config?.inferbase, undefined);
    assert.equal(webRequest(BINARY).config?.stdin, '\ufffdPNG\r\n\0\ufffd\ufffd\ufffd\ufffd\ufffdü');
  });

  test('is signed for by its bytes: two that read as the same text are not the same request', () => {
    const [one, other] = [Uint8Array.of(0xff), Uint8Array.of(0xfe)].map(webRequest);
    assert.equal(one?.config?.stdin, other?.config?.stdin);
    assert.notEqual(requestHash(one ?? {}), requestHash(other ?? {}));
  });
});

test('exact bytes of an execute request are taken only where they read as its text', () => {
  const stdinOf = (stdin: string, exact: string): string => {
    const config = { stdin, inferbase: { stdin: exact } };
    return Buffer.from(toExecuteRequest({ function_id: 'f', config }).stdin).toString('latin1');
  };
  assert.equal(stdinOf('\ufffd', Buffer.of(0xff).toString('base64')), '\xff');
  assert.equal(stdinOf('shown', Buffer.from('other').toString('base64')), 'shown');
  assert.equal(stdinOf('shown', '%%%'), 'shown');
  assert.equal(stdinOf('', Buffer.of(0xff).toString('base64')), '');
});
