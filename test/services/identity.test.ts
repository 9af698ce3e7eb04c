import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { generateKeyPairFromSeed, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { loadIdentity } from '../../runtime/services/identity.ts';

const folder = await mkdtemp(join(tmpdir(), 'inferbase-identity-'));
after(() => rm(folder, { recursive: true, force: true }));

const SEED = createHash('sha256').update('inferbase test key').digest();
const libp2pKey = await generateKeyPairFromSeed('Ed25519', SEED);
const KEY_FILE = Buffer.from(privateKeyToProtobuf(libp2pKey));

async function written(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

function isError(code: string, text: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof InferbaseError && error.code === code && text.test(error.message);
}

test('a key file of RFC 8032 test vector 1 has its public key, peer id and signature', async () => {
  const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
  const publicKey = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
  const path = await written('rfc8032', Buffer.from(`08011240${seed}${publicKey}`, 'hex'));
  const identity = await loadIdentity(path, { create: false });
  assert.equal(Buffer.from(identity.publicKey).toString('hex'), publicKey);
  assert.equal(identity.peerId, '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV');
  assert.equal(
    Buffer.from(identity.sign(new Uint8Array(0))).toString('hex'),
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  );
});

test('a key file that libp2p wrote gives the peer id libp2p gives it', async () => {
  const identity = await loadIdentity(await written('libp2p', KEY_FILE), { create: true });
  assert.equal(identity.peerId, peerIdFromPrivateKey(libp2pKey).toString());
  assert.deepEqual(identity.publicKey, libp2pKey.publicKey.raw);
  const message = Buffer.from('hello');
  assert.ok(await libp2pKey.publicKey.verify(message, identity.sign(message)));
});

test('a new key file is private, is read by libp2p, and is the same identity the next time', async () => {
  const path = join(folder, 'new', 'keys', 'priv.bin');
  const created = await loadIdentity(path, { create: true });
  const file = await readFile(path);
  assert.equal(file.length, 68);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal(peerIdFromPrivateKey(privateKeyFromProtobuf(file)).toString(), created.peerId);
  assert.equal((await loadIdentity(path, { create: false })).peerId, created.peerId);
  assert.deepEqual(await readdir(join(folder, 'new', 'keys')), ['priv.bin']);
});

test('many that create one key file at once agree on one identity', async () => {
  const path = join(folder, 'race', 'priv.bin');
  const identities = await Promise.all(Array.from({ length: 20 }, () => loadIdentity(path, { create: true })));
  assert.equal(new Set(identities.map(({ peerId }) => peerId)).size, 1);
  assert.deepEqual(await readdir(join(folder, 'race')), ['priv.bin']);
});

test('what it signs verifies with the public key alone', async () => {
  const identity = await loadIdentity(await written('sign', KEY_FILE), { create: false });
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), identity.publicKey]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const message = Buffer.from([1, 2, 3]);
  assert.ok(verify(null, message, key, identity.sign(message)));
  assert.equal(identity.sign(message).length, 64);
});

const MALFORMED: readonly (readonly [name: string, bytes: Uint8Array, text: RegExp])[] = [
  ['empty', new Uint8Array(0), /0 bytes are not a libp2p Ed25519 private key/],
  ['cut short', KEY_FILE.subarray(0, 67), /67 bytes are not/],
  ['too long', Buffer.concat([KEY_FILE, Buffer.from([0])]), /69 bytes are not/],
  ['a bare seed', SEED, /32 bytes are not/],
  ['a PEM', Buffer.from('-----BEGIN PRIVATE KEY-----\n'), /bytes are not/],
  ['an RSA key', Buffer.from('080012020000', 'hex'), /type RSA, and only Ed25519/],
  ['a secp256k1 key', Buffer.from('080212020000', 'hex'), /type Secp256k1/],
  ['mixed halves', Buffer.concat([KEY_FILE.subarray(0, 36), Buffer.alloc(32, 7)]), /public half does not belong/],
];

for (const [name, bytes, text] of MALFORMED) {
  test(`a malformed key file is refused by name and left alone: ${name}`, async () => {
    const path = await written('malformed.bin', bytes);
    const refused = isError('ERR_INVALID_SETTING', text);
    await assert.rejects(loadIdentity(path, { create: true }), (error: unknown) => {
      return refused(error) && error instanceof Error && error.message.includes(path);
    });
    assert.deepEqual(new Uint8Array(await readFile(path)), new Uint8Array(bytes));
  });
}

test('a missing key file is an error unless it may be created', async () => {
  const missing = isError('ERR_INVALID_SETTING', /There is no key file .*nowhere/);
  await assert.rejects(loadIdentity(join(folder, 'nowhere'), { create: false }), missing);
});

test('a key file in a folder that can never be made is refused at once', async () => {
  const path = '/proc/inferbase/keys/priv.bin';
  await assert.rejects(loadIdentity(path, { create: true }), isError('ERR_STORE_UNAVAILABLE', /cannot be written/));
});

test('a key file that cannot be read or written is named with the reason', async () => {
  await assert.rejects(loadIdentity(folder, { create: true }), isError('ERR_STORE_UNAVAILABLE', /EISDIR/));
  const inFile = join(await written('not-a-folder', KEY_FILE), 'priv.bin');
  await assert.rejects(loadIdentity(inFile, { create: true }), isError('ERR_STORE_UNAVAILABLE', /ENOTDIR/));
});
