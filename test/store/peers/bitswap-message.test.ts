import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import {
  type BitswapMessage,
  decodeMessage,
  encodeMessage,
  MAX_ENTRIES,
} from '../../../runtime/store/peers/bitswap-message.ts';
import { createFrameReader } from '../../../runtime/store/peers/frames.ts';
import { readVarint } from '../../../runtime/store/peers/protobuf.ts';
import { bytesOf, carried, rawCid, want } from './support.ts';

/** Helia's own reading and writing of the same messages; no export of its package. */
const theirs = await import(new URL('./pb/message.js', import.meta.resolve('@helia/bitswap')).href);

const cid = rawCid(bytesOf('a'));
const MESSAGE: BitswapMessage = {
  wants: [want(cid), want(cid, { cancel: true, sendDontHave: false }), want(cid, { onlyHave: true })],
  blocks: [carried(cid, bytesOf('a'))],
  presences: [
    { cid: cid.bytes, has: true },
    { cid: cid.bytes, has: false },
  ],
};

/** The message alone, without its length. */
function encode(message: Partial<BitswapMessage>): Uint8Array {
  const bytes = Buffer.concat(encodeMessage(message));
  return bytes.subarray(readVarint(bytes, 0)?.end);
}

/** Plain objects, whatever kind of array the bytes came in. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, part) =>
      ArrayBuffer.isView(part) ? Buffer.from(part as Uint8Array).toString('hex') : part,
    ),
  );
}

/** What JSON makes of a Buffer happens before a replacer sees it. */
function unbuffered(message: BitswapMessage): unknown {
  const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);
  return plain({
    wants: message.wants.map((one) => ({ ...one, cid: copy(one.cid) })),
    blocks: message.blocks.map(({ prefix, data }) => ({ prefix: copy(prefix), data: copy(data) })),
    presences: message.presences.map((one) => ({ ...one, cid: copy(one.cid) })),
  });
}

suite('bitswap messages', () => {
  test('are read as they were written', () => {
    assert.deepEqual(unbuffered(decodeMessage(encode(MESSAGE))), unbuffered(MESSAGE));
  });

  test("are what Helia's own codec reads, and reads ours", () => {
    const read = theirs.BitswapMessage.decode(encode(MESSAGE));
    assert.deepEqual(
      read.wantlist.entries.map((entry: { wantType?: string; cancel?: boolean; sendDontHave?: boolean }) => [
        entry.wantType ?? 'WantBlock',
        entry.cancel ?? false,
        entry.sendDontHave ?? false,
      ]),
      [
        ['WantBlock', false, true],
        ['WantBlock', true, false],
        ['WantHave', false, true],
      ],
    );
    assert.deepEqual(Buffer.from(read.blocks[0].data), Buffer.from(bytesOf('a')));
    assert.deepEqual(
      read.blockPresences.map(({ type }: { type: string }) => type),
      ['HaveBlock', 'DoNotHaveBlock'],
    );
    assert.deepEqual(unbuffered(decodeMessage(theirs.BitswapMessage.encode(read))), unbuffered(MESSAGE));
  });

  test('unknown fields are skipped', () => {
    const unknown = Buffer.from('f8010182060568656c6c6f85010102030489010102030405060708', 'hex');
    const all = Buffer.concat([unknown, encode(MESSAGE), unknown]);
    assert.deepEqual(unbuffered(decodeMessage(all)), unbuffered(MESSAGE));
  });

  test('that are cut off or of an unknown form are refused', () => {
    const whole = encode(MESSAGE);
    const refused = Array.from({ length: whole.length - 1 }, (_, at) => whole.subarray(0, at + 1)).filter((cut) => {
      try {
        decodeMessage(cut);
        return false;
      } catch (error) {
        assert.equal((error as { code: string }).code, 'ERR_INTEGRITY');
        return true;
      }
    });
    // Between two fields a cut is a shorter message.
    assert.ok(refused.length >= whole.length - 8, `${refused.length} of ${whole.length}`);
    for (const hex of ['0b', '0f', 'ffffffffffffffffffffff01', '0affffffff0f', '1a05']) {
      assert.throws(() => decodeMessage(Buffer.from(hex, 'hex')), { code: 'ERR_INTEGRITY' }, hex);
    }
  });

  test('random bytes are refused or read, and nothing else', () => {
    for (let i = 0; i < 5_000; i++) {
      const bytes =
        i % 2 === 0
          ? randomBytes(i % 64)
          : Buffer.from(encode(MESSAGE)).map((byte) => (Math.random() < 0.01 ? byte ^ 0xff : byte));
      try {
        decodeMessage(bytes);
      } catch (error) {
        assert.equal((error as { code: string }).code, 'ERR_INTEGRITY');
      }
    }
  });

  test('that are large leave nothing behind but the wants in them: those wait, the rest must go', () => {
    const padding = Buffer.concat([Buffer.from('7a80808002', 'hex'), Buffer.alloc(4 << 20)]).subarray(0, 5 + (4 << 20));
    const [found] = decodeMessage(Buffer.concat([encode({ wants: [want(cid)] }), padding])).wants;
    assert.deepEqual(Buffer.from(found?.cid ?? []), Buffer.from(cid.bytes));
    assert.ok((found?.cid.buffer.byteLength ?? Number.POSITIVE_INFINITY) < 10_000);
  });

  test('of a million wants are read in their first thousand', () => {
    const many = encode({ wants: Array.from({ length: 20_000 }, () => want(cid)) });
    assert.equal(decodeMessage(many).wants.length, MAX_ENTRIES);
  });
});

suite('frames', () => {
  test('are cut right, however the bytes arrive', () => {
    const one = Buffer.concat(encodeMessage(MESSAGE));
    const stream = Buffer.concat([one, one, Buffer.from([0]), one]);
    for (const step of [1, 2, 7, 500, stream.length]) {
      const budget = { held: 0, max: 1e9 };
      const reader = createFrameReader(budget);
      const found: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += step) found.push(...reader.push(stream.subarray(at, at + step)));
      assert.deepEqual(
        found.map(({ length }) => length),
        [one.length - 2, one.length - 2, 0, one.length - 2],
      );
      assert.deepEqual(unbuffered(decodeMessage(found[3] ?? new Uint8Array())), unbuffered(MESSAGE));
      assert.equal(budget.held, 0);
      assert.equal(reader.partial, false);
    }
  });

  test('of more than four mebibytes are refused by their length alone', () => {
    const reader = createFrameReader({ held: 0, max: 1e9 });
    assert.throws(() => reader.push(Buffer.from('ffffffff0f', 'hex')), { code: 'ERR_INTEGRITY' });
  });

  test('not yet whole count against a budget that all share', () => {
    const budget = { held: 0, max: 10_000 };
    const [a, b] = [createFrameReader(budget), createFrameReader(budget)];
    const start = Buffer.concat([Buffer.from('808001', 'hex'), Buffer.alloc(6_000)]);
    assert.deepEqual(a.push(start), []);
    assert.throws(() => b.push(start), { code: 'ERR_BUSY' });
    b.drop();
    a.drop();
    assert.equal(budget.held, 0);
  });
});
