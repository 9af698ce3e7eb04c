import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

/**
 * The vectors in golden/ were written by the Go nodes' own code (module, version and Go release are in each file). This
 * file checks only that the data is whole, with Node's own cryptography; the codecs are tested against it elsewhere.
 */
type Vector = { name: string; text?: string; base64?: string };
type Signature = Vector & { peerId: string; publicKey: string; payload: string; signature: string };
type Golden = {
  module: string;
  messages: Vector[];
  pbft: Vector[];
  digests: { name: string; payload?: string; digest: string }[];
  signatures: Signature[];
  captured: (Vector & { from: string; channel: 'pubsub' | 'direct' | 'pbft' })[];
};

function read(dialect: string): Golden {
  return JSON.parse(readFileSync(new URL(`golden/${dialect}.json`, import.meta.url), 'utf8'));
}

/** SubjectPublicKeyInfo of an Ed25519 key, up to the 32 bytes of the key itself. */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

for (const dialect of ['a', 'b', 'c']) {
  const golden = read(dialect);
  describe(`golden vectors of ${golden.module} (dialect ${dialect})`, () => {
    it('hold JSON, each under a name of its own', () => {
      const names = [...golden.messages, ...golden.pbft].map((vector) => {
        const bytes = vector.text ?? Buffer.from(vector.base64 ?? '', 'base64').toString('utf8');
        assert.doesNotThrow(() => JSON.parse(bytes), vector.name);
        return vector.name;
      });
      assert.equal(new Set(names).size, names.length);
    });

    it('hold what running nodes said, as JSON', () => {
      assert.ok(golden.captured.length > 10);
      for (const { name, text } of golden.captured) assert.doesNotThrow(() => JSON.parse(text ?? ''), name);
    });

    it('hold signatures that verify over their payload', () => {
      for (const { name, publicKey, payload, signature } of golden.signatures) {
        const marshalled = Buffer.from(publicKey, 'base64');
        assert.equal(marshalled.subarray(0, 4).toString('hex'), '08011220', name);
        const der = Buffer.concat([ED25519_PREFIX, marshalled.subarray(4)]);
        const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
        assert.ok(verify(null, Buffer.from(payload), key, Buffer.from(signature, 'hex')), name);
      }
    });

    it('hold digests that are the SHA-256 of their payload', () => {
      for (const { name, payload, digest } of golden.digests) {
        if (payload === undefined) continue;
        assert.equal(createHash('sha256').update(payload).digest('hex'), digest, name);
      }
    });
  });
}
