import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { suite, test } from 'node:test';
import type { BlocklessRequest } from '../../runtime/core/blockless-request.ts';
import { NO_USAGE, type Outcome } from '../../runtime/core/execution.ts';
import { publicKeyOf } from '../../runtime/core/peer-id.ts';
import type { Attestation, WorkAnswer, WorkOrder } from '../../runtime/core/work.ts';
import { checkAttestation, outcomeHash, requestHash, signAttestation } from '../../runtime/wire/attestation.ts';
import { decodeMessage, encodeMessage } from '../../runtime/wire/messages/message.ts';
import { toWorkAnswer, workOrderResponseMessage } from '../../runtime/wire/messages/work-answer.ts';
import { executeMessage, toWorkOrder, workOrderMessage } from '../../runtime/wire/messages/work-order.ts';
import { signer } from './signer.ts';

const FUNCTION_ID = 'bafybeigpiwl3o73zvvl6dxdqu7zqcub5mhg65jiky2xqb4rdhfmikswzqm';

const worker = signer('inferbase test key 2');
const request: BlocklessRequest = {
  function_id: FUNCTION_ID,
  method: 'a.wasm',
  parameters: [{ value: '<1>' }],
  config: {
    env_vars: [{ name: 'TOPIC_ID', value: '1' }],
    stdin: 'in',
    number_of_nodes: 3,
    timeout: 2,
    consensus_algorithm: 'pbft',
    inferbase: { limits: { fuel: 0, deadlinems: 500 } },
  },
  signature: 'aa',
};
const outcome: Outcome = {
  cause: 'exited',
  exitCode: 0,
  message: '',
  stdout: new Uint8Array([0x34, 0x32, 0xff, 0xed, 0xa0, 0x80]),
  stderr: new Uint8Array(0),
  stdoutTruncated: true,
  stderrTruncated: false,
  usage: NO_USAGE,
};
const time = new Date('2025-01-01T00:00:00.5Z');

suite('an attestation', () => {
  const attestation = signAttestation(worker, { request, outcome, time });

  test('is a signature of the documented bytes by the key inside the peer id', () => {
    const asked = `{"function_id":"${FUNCTION_ID}","method":"a.wasm","parameters":[{"value":"\\u003c1\\u003e"}],"config":{"runtime":{},"env_vars":[{"name":"TOPIC_ID","value":"1"}],"stdin":"in","inferbase":{"limits":{"deadlinems":500,"fuel":0}}}}`;
    const came =
      '{"stdout":"42\ufffd\ufffd\ufffd\ufffd","stderr":"","exit_code":0,"cause":"exited","truncated":["stdout"]}';
    const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
    assert.equal(attestation.requestHash, sha(asked));
    assert.equal(attestation.outcomeHash, sha(came));
    const text = `inferbase attestation 1\n${FUNCTION_ID}\n${sha(asked)}\n${sha(came)}\n2025-01-01T00:00:00.500Z\n`;
    const der = Buffer.concat([
      Buffer.from('302a300506032b6570032100', 'hex'),
      publicKeyOf(attestation.peerId) ?? new Uint8Array(0),
    ]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    assert.ok(verify(null, Buffer.from(text), key, Buffer.from(attestation.signature, 'hex')));
  });

  test('holds against its peer, request and outcome', () => {
    assert.equal(checkAttestation(attestation, { peerId: worker.peerId, request, outcome }), null);
    assert.equal(checkAttestation(attestation), null);
  });

  const wrong: readonly (readonly [name: string, change: Partial<Attestation>, flaw: RegExp])[] = [
    ['another peer', { peerId: signer('inferbase test key 3').peerId }, /signature is wrong/],
    ['no peer', { peerId: '' }, /peer id/],
    ['a peer id of a megabyte', { peerId: '1'.repeat(1e6) }, /peer id/],
    ['another function', { functionId: 'bafk' }, /signature is wrong/],
    ['a function with a line feed', { functionId: 'a\nb' }, /no name/],
    ['another request', { requestHash: '0'.repeat(64) }, /signature is wrong/],
    ['another outcome', { outcomeHash: '0'.repeat(64) }, /signature is wrong/],
    ['a hash with a line feed', { outcomeHash: `${'0'.repeat(63)}\n` }, /64 hex digits/],
    ['another time', { time: '2025-01-01T00:00:01Z' }, /signature is wrong/],
    ['no time', { time: '' }, /its time is none/],
    ['a signature cut short', { signature: attestation.signature.slice(2) }, /128 hex digits/],
    ['no signature', { signature: '' }, /128 hex digits/],
  ];
  for (const [name, change, flaw] of wrong) {
    test(`with ${name} is refused`, () => {
      assert.match(checkAttestation({ ...attestation, ...change }) ?? 'null', flaw);
    });
  }

  test('with one bit of its signature flipped is refused, whichever it is', () => {
    for (let bit = 0; bit < 512; bit += 37) {
      const bytes = Buffer.from(attestation.signature, 'hex');
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(checkAttestation({ ...attestation, signature: bytes.toString('hex') }), 'its signature is wrong');
    }
  });

  test('of something else is told', () => {
    assert.equal(checkAttestation(attestation, { peerId: 'x' }), 'it is of another peer');
    assert.equal(
      checkAttestation(attestation, { request: { ...request, function_id: 'x' } }),
      'it is of another function',
    );
    assert.equal(
      checkAttestation(attestation, { request: { ...request, method: 'b.wasm' } }),
      'it is of another request',
    );
    assert.equal(checkAttestation(attestation, { outcome: { ...outcome, exitCode: 1 } }), 'it is of another outcome');
    assert.equal(checkAttestation(attestation, { outcome: { ...outcome, cause: 'fuel' } }), 'it is of another outcome');
  });
});

suite('the hash of a request', () => {
  test('does not depend on what only heads look at', () => {
    const { env_vars = [], stdin = '', inferbase = {} } = request.config ?? {};
    const bare = { function_id: FUNCTION_ID, method: 'a.wasm', parameters: [{ value: '<1>' }] };
    assert.equal(requestHash({ ...bare, topic: 'x', config: { env_vars, stdin, inferbase } }), requestHash(request));
  });

  test('tells no permissions from none being named, also after the b7s wire', () => {
    const closed: BlocklessRequest = { ...request, config: { ...request.config, permissions: [] } };
    assert.notEqual(requestHash(closed), requestHash(request));
    const order: WorkOrder = {
      ...{ requestId: 'r', topic: 't', request: closed, peers: [], timestamp: '2025-01-01T00:00:00Z', deadlineMs: 1 },
    };
    for (const [message, dialect] of [
      [executeMessage(order), 'a'],
      [executeMessage(order), 'b'],
      [workOrderMessage(order), 'c'],
    ] as const) {
      const received = decodeMessage(encodeMessage(message, dialect));
      assert.ok(received.type === 'MsgExecute' || received.type === 'MsgWorkOrder');
      assert.equal(requestHash(toWorkOrder(received).request), requestHash(closed));
    }
  });
});

test('an attestation survives the b7s wire with the outcome it is about', () => {
  const attestation = signAttestation(worker, { request, outcome });
  const answer: WorkAnswer = { requestId: 'r', code: '200', outcome, message: '', attestation };
  const received = decodeMessage(encodeMessage(workOrderResponseMessage(answer), 'c'));
  assert.ok(received.type === 'MsgWorkOrderResponse');
  const { outcome: came, attestation: told } = toWorkAnswer(received, worker.peerId);
  assert.ok(came !== null && told !== null);
  assert.equal(checkAttestation(told, { peerId: worker.peerId, request, outcome: came }), null);
  assert.equal(outcomeHash(came), outcomeHash(outcome));
});
