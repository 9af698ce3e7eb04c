import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import type { BlocklessRequest } from '../../runtime/core/blockless-request.ts';
import { decodeMessage } from '../../runtime/wire/messages/message.ts';
import {
  requestSignatureFlaw,
  responseSignatureFlaw,
  resultSignatureFlaw,
} from '../../runtime/wire/messages/signed-messages.ts';
import { decodePbft, encodePbft, pbftDigest, pbftSignatureFlaw, pbftSignedText } from '../../runtime/wire/pbft.ts';
import { readGolden, textOf } from './golden.ts';
import { signer } from './signer.ts';

/** One hex digit of a signature is another. */
function flip(signature: string): string {
  return `${signature.slice(0, 40)}${signature[40] === '0' ? '1' : '0'}${signature.slice(41)}`;
}

suite('a PBFT message', () => {
  // Go writes no list as `null`, and one of nothing as `[]`; what it signed tells them apart.
  for (const none of ['null', '[]']) {
    test(`keeps ${none} where it has no pre-prepares or prepares`, () => {
      for (const text of [
        `{"type":6,"data":{"view":1,"messages":{},"preprepares":${none},"signature":""}}`,
        `{"type":5,"data":{"view":1,"prepares":${none}}}`,
      ]) {
        assert.equal(encodePbft(decodePbft(Buffer.from(text))), text);
      }
    });
  }
});

for (const dialect of ['a', 'b', 'c'] as const) {
  const golden = readGolden(dialect);
  const vectors = new Map([...golden.messages, ...golden.pbft].map((vector) => [vector.name, textOf(vector)]));

  suite(`what Go nodes of dialect ${dialect} signed`, () => {
    for (const vector of golden.pbft) {
      test(`${vector.name} is read and written again to the same bytes`, () => {
        assert.equal(encodePbft(decodePbft(Buffer.from(textOf(vector)))), textOf(vector));
      });
    }

    test('digests of requests and messages are those of Go', () => {
      for (const { name, digest } of golden.digests) {
        const message = decodePbft(Buffer.from(vectors.get(name) ?? ''));
        assert.equal(message.type === 1 ? pbftDigest(message) : pbftSignedText(message), digest, name);
      }
    });

    test('what running nodes signed holds, and not in the name of another', () => {
      let checked = 0;
      for (const said of golden.captured) {
        const bytes = Buffer.from(textOf(said));
        const other = golden.captured.find(({ from }) => from !== said.from)?.from ?? '';
        if (said.channel === 'pbft') {
          const message = decodePbft(bytes);
          assert.equal(encodePbft(message), textOf(said));
          if (message.type === 1) continue;
          assert.equal(pbftSignatureFlaw(message, said.from), null, said.name);
          assert.equal(pbftSignatureFlaw(message, other), 'its signature is wrong');
          checked++;
          continue;
        }
        const message = decodeMessage(bytes);
        if (message.type !== 'MsgWorkOrder' && message.type !== 'MsgExecute') continue;
        if (message.signature === undefined) continue;
        assert.equal(requestSignatureFlaw(message, said.from), null, said.name);
        assert.equal(requestSignatureFlaw(message, other), 'its signature is wrong');
        checked++;
      }
      // The nodes of the other dialects were not asked for consensus.
      if (dialect === 'c') assert.ok(checked >= 4, `${checked} signatures`);
    });

    for (const { name, peerId, payload, signature, vector } of golden.signatures) {
      test(`${name}: its signature holds, and not with one byte changed`, () => {
        const other = golden.signatures.find((signed) => signed.peerId !== peerId)?.peerId ?? '';
        if (name.startsWith('pbft')) {
          const message = decodePbft(Buffer.from(vectors.get(vector ?? '') ?? ''));
          assert.equal(message.data.signature, signature);
          assert.equal(pbftSignatureFlaw(message, peerId), null);
          assert.equal(pbftSignatureFlaw(message, other), 'its signature is wrong');
          const changed = { ...message, data: { ...message.data, view: 7 } } as typeof message;
          assert.equal(pbftSignatureFlaw(changed, peerId), 'its signature is wrong');
        } else if (name.startsWith('execution request')) {
          const request = { ...(JSON.parse(payload) as BlocklessRequest), signature };
          // Go signs what it later refuses where the request came with a signature already.
          const flaw = name.includes('that carried a signature') ? 'its signature is wrong' : null;
          assert.equal(requestSignatureFlaw(request, peerId), flaw);
          assert.equal(requestSignatureFlaw({ ...request, method: 'b.wasm' }, peerId), 'its signature is wrong');
          assert.equal(
            requestSignatureFlaw({ ...request, signature: flip(signature) }, peerId),
            'its signature is wrong',
          );
          assert.equal(
            requestSignatureFlaw({ ...request, signature: '00' }, peerId),
            'its signature is not 128 hex digits',
          );
        } else if (dialect === 'c') {
          const text = `{"type":"MsgWorkOrderResponse","result":${vectors.get(vector ?? '')}}`;
          const message = decodeMessage(Buffer.from(text));
          assert.ok(message.type === 'MsgWorkOrderResponse');
          const result = message.result ?? {};
          assert.equal(result.signature, signature);
          assert.equal(resultSignatureFlaw(result, peerId), null);
          assert.equal(resultSignatureFlaw(result, other), 'its signature is wrong');
          assert.equal(resultSignatureFlaw({ ...result, code: '201' }, peerId), 'its signature is wrong');
        } else {
          const message = decodeMessage(Buffer.from(vectors.get(vector ?? '') ?? ''));
          assert.ok(message.type === 'MsgExecuteResponse' || message.type === 'MsgExecuteResponseToPrimary');
          assert.equal(message.signature, signature);
          assert.equal(responseSignatureFlaw(message, peerId, dialect), null);
          assert.equal(responseSignatureFlaw(message, other, dialect), 'its signature is wrong');
          assert.equal(responseSignatureFlaw({ ...message, code: '201' }, peerId, dialect), 'its signature is wrong');
        }
      });
    }
  });
}

suite('what a Go node of v0.7.0 signed', () => {
  const golden = readGolden('b-0.7.0');
  const messageOf = (name: string) => {
    const vector = golden.pbft.find((one) => one.name === name);
    assert.ok(vector);
    return decodePbft(Buffer.from(textOf(vector)));
  };

  for (const vector of golden.pbft) {
    test(`${vector.name} is read and written again to the same bytes`, () => {
      assert.equal(encodePbft(decodePbft(Buffer.from(textOf(vector))), 'Carrier'), textOf(vector));
    });
  }

  test('digests are those of Go', () => {
    for (const { name, digest, payload } of golden.digests) {
      const message = messageOf(name);
      const found = message.type === 1 ? pbftDigest(message, 'Carrier') : pbftSignedText(message, 'Carrier');
      assert.equal(found, digest, name);
      if (payload !== undefined) assert.equal(createHash('sha256').update(payload).digest('hex'), digest, name);
    }
  });

  for (const { name, peerId, signature, vector = '' } of golden.signatures) {
    test(`${name}: its signature holds, not with one byte changed, and not in clusters of other versions`, () => {
      const message = messageOf(vector);
      assert.equal(message.data.signature, signature);
      assert.equal(pbftSignatureFlaw(message, peerId, 'Carrier'), null);
      assert.equal(pbftSignatureFlaw(message, peerId), 'its signature is wrong');
      const changed = { ...message, data: { ...message.data, view: 7 } } as typeof message;
      assert.equal(pbftSignatureFlaw(changed, peerId, 'Carrier'), 'its signature is wrong');
    });
  }
});

test('what a node built with Go before 1.22 signed holds, and what held bytes that were not UTF-8', () => {
  const peer = signer('inferbase test key 1');
  for (const [stdin, written] of [
    ['\b\f \\b', '\\u0008\\u000c \\\\b'],
    ['a\ufffd', 'a\\ufffd'],
  ] as const) {
    const payload = `{"function_id":"f","method":"m","config":{"runtime":{},"stdin":"${written}","result_aggregation":{}}}`;
    const signature = Buffer.from(peer.sign(Buffer.from(payload))).toString('hex');
    const request = { function_id: 'f', method: 'm', config: { stdin }, signature };
    assert.equal(requestSignatureFlaw(request, peer.peerId), null);
  }
});

test('what is not signed is taken as in the dialects', () => {
  const message = decodeMessage(Buffer.from('{"type":"MsgExecuteResponse","request_id":"r","code":"200"}'));
  assert.ok(message.type === 'MsgExecuteResponse');
  assert.equal(responseSignatureFlaw(message, 'any', 'a'), null);
  assert.equal(requestSignatureFlaw({ function_id: 'f' }, 'any'), null);
  assert.equal(resultSignatureFlaw({}, 'any'), null);
});

test('malformed PBFT messages are refused with the reason', () => {
  for (const [text, reason] of [
    ['', /it is empty/],
    ['{"type":9,"data":{}}', /its type 9 is unknown/],
    ['{"data":{}}', /its type 0 is unknown/],
    ['{"type":"3"}', /type is string where uint is expected/],
    ['{"type":3,"data":[]}', /data is array where pbft.Vote is expected/],
    ['{"type":6,"data":{"messages":{"x":{"data":{"prepares":[{"digest":1}]}}}}}', /digest is number where string/],
  ] as const) {
    assert.throws(() => decodePbft(Buffer.from(text)), { code: 'ERR_INVALID_REQUEST', message: reason });
  }
});
