import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { WorkAnswer } from '../../runtime/core/work.ts';
import { decodeMessage, encodeMessage } from '../../runtime/wire/messages/message.ts';
import { replicaAnswerMessage, writtenAs } from '../../runtime/wire/messages/replica-answer.ts';
import {
  responseSignatureFlaw,
  resultSignatureFlaw,
  signResponse,
  signResult,
} from '../../runtime/wire/messages/signed-messages.ts';
import { outcome } from '../http/stub-node.ts';
import { readGolden, textOf } from './golden.ts';
import { signer } from './signer.ts';

const replica = signer('inferbase test key 1');
const sign = (text: string): string => Buffer.from(replica.sign(Buffer.from(text))).toString('hex');
const pbft = { view: 2, request_timestamp: '2026-01-01T00:00:00.5Z', replica: replica.peerId };
const ran: WorkAnswer = {
  requestId: 'r',
  code: '200',
  outcome: { ...outcome(), stdout: Uint8Array.of(0x3c, 0xff, 0x0a) },
  message: '',
  attestation: null,
};

suite('answers of replicas', () => {
  test('are signed like those of Go nodes', () => {
    let signed = 0;
    for (const dialect of ['a', 'b', 'c'] as const) {
      const golden = readGolden(dialect);
      const texts = new Map(golden.messages.map((vector) => [vector.name, textOf(vector)]));
      for (const { name, peerId, signature, vector = '' } of golden.signatures) {
        const text = texts.get(vector);
        const key = [1, 2, 3, 4].map((n) => signer(`inferbase test key ${n}`)).find((one) => one.peerId === peerId);
        if (text === undefined || key === undefined || name.startsWith('execution request')) continue;
        // Go has signed bytes that were not UTF-8, which nobody who reads it can know.
        if (text.includes('\\ufffd')) continue;
        const by = (bytes: string): string => Buffer.from(key.sign(Buffer.from(bytes))).toString('hex');
        const message = decodeMessage(
          Buffer.from(dialect === 'c' ? `{"type":"MsgWorkOrderResponse","result":${text}}` : text),
        );
        if (message.type === 'MsgWorkOrderResponse') {
          assert.equal(signResult(message.result ?? {}, by).signature, signature, name);
        } else if (dialect !== 'c' && message.type.startsWith('MsgExecuteResponse')) {
          assert.equal(signResponse(message as never, dialect, by).signature, signature, name);
        } else continue;
        signed++;
      }
    }
    assert.ok(signed >= 3, `${signed} signatures`);
  });

  test('hold after they went over the wire, also with output that is not UTF-8', () => {
    for (const dialect of ['a', 'b', 'c'] as const) {
      const message = replicaAnswerMessage({ answer: ran, functionId: 'f', pbft }, dialect, sign);
      const read = decodeMessage(encodeMessage(message, dialect));
      if (dialect === 'c') {
        assert.ok(read.type === 'MsgWorkOrderResponse');
        assert.match(read.result?.signature ?? '', /^[0-9a-f]{128}$/);
        assert.equal(resultSignatureFlaw(read.result ?? {}, replica.peerId), null);
        assert.deepEqual(read.result?.pbft, pbft);
        continue;
      }
      assert.equal(read.type, dialect === 'a' ? 'MsgExecuteResponseToPrimary' : 'MsgExecuteResponse');
      assert.ok(read.type === 'MsgExecuteResponseToPrimary' || read.type === 'MsgExecuteResponse');
      assert.match(read.signature ?? '', /^[0-9a-f]{128}$/);
      assert.equal(responseSignatureFlaw(read, replica.peerId, dialect), null);
      assert.deepEqual([read.pbft, read.function_id], [pbft, dialect === 'a' ? 'f' : undefined]);
    }
  });

  test('are messages of b and results of c for b7s v0.7.0', () => {
    const message = replicaAnswerMessage({ answer: ran, functionId: 'f', pbft }, 'b of 0.7.0', sign);
    const read = decodeMessage(encodeMessage(message, writtenAs('b of 0.7.0')));
    assert.ok(read.type === 'MsgExecuteResponse');
    const result = read.results?.[replica.peerId] ?? {};
    assert.match(result.signature ?? '', /^[0-9a-f]{128}$/);
    assert.equal(resultSignatureFlaw(result, replica.peerId), null);
    assert.equal(read.signature, undefined);
  });

  test('of what never ran have neither result nor signature', () => {
    const answer: WorkAnswer = { ...ran, code: '503', outcome: null, message: 'busy' };
    for (const dialect of ['a', 'b', 'b of 0.7.0', 'c'] as const) {
      const message = replicaAnswerMessage({ answer, functionId: 'f', pbft }, dialect, sign);
      const text = encodeMessage(message, writtenAs(dialect));
      assert.match(text.toString(), /"503"/);
      assert.doesNotMatch(text.toString(), /signature|results/);
    }
  });
});
