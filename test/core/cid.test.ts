import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base36 } from 'multiformats/bases/base36';
import { base58btc } from 'multiformats/bases/base58';
import { CID } from 'multiformats/cid';
import { create } from 'multiformats/hashes/digest';
import { identity } from 'multiformats/hashes/identity';
import { sha256, sha512 } from 'multiformats/hashes/sha2';
import { identityBlock, isVerifiable, parseCid, verifyBlock } from '../../runtime/core/cid.ts';

const bytes = Buffer.from('hello');
const cid = CID.createV1(0x55, await sha256.digest(bytes));

test('every spelling of a CID has one key', async () => {
  for (const text of [cid.toString(), cid.toString(base58btc), cid.toString(base36)]) {
    assert.equal(parseCid(text).key, 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq');
  }
  const zero = CID.createV0(await sha256.digest(bytes));
  assert.equal(parseCid(zero.toString()).key, zero.toV1().toString());
});

test('what is no CID of a function is refused with a reason and the value, cut short', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /is empty/],
    ['hello', /is not a CID/],
    [`${cid}0`, /is not a CID/],
    [` ${cid}`, /is not a CID/],
    [cid.toString().slice(0, -3), /is not a CID/],
    ['z'.repeat(100_000), /is 100000 characters long/],
    [`z${'1'.repeat(200)}`, /^"z1{79}…" /],
    [CID.createV1(0x71, await sha256.digest(bytes)).toString(), /codec 0x71/],
    [CID.createV1(0x55, await sha512.digest(bytes)).toString(), /hashed with 0x13/],
    [CID.createV1(0x55, identity.digest(bytes)).toString(), /hashed with 0x0/],
    [CID.createV1(0x55, create(0x12, Buffer.alloc(16))).toString(), /hashed with 0x12/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseCid(text), { code: 'ERR_INVALID_CID', message });
});

test('only the very bytes that a CID names are its block', async () => {
  assert.ok(verifyBlock(cid, bytes));
  assert.ok(!verifyBlock(cid, Buffer.from('hellp')));
  assert.ok(!verifyBlock(cid, Buffer.alloc(0)));
  assert.ok(!verifyBlock(CID.createV1(0x55, await sha512.digest(bytes)), bytes));
  assert.ok(!verifyBlock(CID.createV1(0x55, create(0x12, Buffer.alloc(0))), bytes));
});

test('an identity CID carries its block, up to 128 bytes', () => {
  const small = CID.createV1(0x55, identity.digest(bytes));
  assert.deepEqual(Buffer.from(identityBlock(small) ?? []), bytes);
  assert.ok(verifyBlock(small, bytes) && isVerifiable(small));
  const large = CID.createV1(0x55, identity.digest(Buffer.alloc(129)));
  assert.equal(identityBlock(large), undefined);
  assert.ok(!isVerifiable(large) && !verifyBlock(large, Buffer.alloc(129)));
});
