import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { loadAttributeFile } from '../../runtime/services/attribute-file.ts';
import { parseAttributeFile } from '../../runtime/wire/attribute-file.ts';
import { matchesAttributes, type NodeAttributes } from '../../runtime/wire/attributes.ts';
import { signer } from './signer.ts';

/** Made by b7s-attributes. */
const golden = JSON.parse(readFileSync(new URL('../p2p/golden/attributes.json', import.meta.url), 'utf8')) as {
  readonly attributes: Readonly<Record<string, string>>;
  readonly node: string;
  readonly attestors: readonly string[];
  readonly plain: string;
  readonly signed: string;
  readonly attested: string;
};
const file = (name: 'plain' | 'signed' | 'attested'): Buffer => Buffer.from(golden[name], 'base64');

suite('a file of attributes', () => {
  test('of b7s-attributes is read, with signatures and without', () => {
    for (const name of ['plain', 'signed', 'attested'] as const) {
      const { values, attestors } = parseAttributeFile(file(name), golden.node);
      assert.deepEqual(Object.fromEntries(values), golden.attributes);
      assert.deepEqual(attestors, name === 'attested' ? golden.attestors : []);
    }
  });

  test('in which one byte of a signature or an attribute is another is refused', () => {
    const good = file('attested');
    const ids = [...golden.attestors, golden.node].map((id) => good.indexOf(id));
    for (const at of [8, 20, ...ids.map((id) => id + 60), good.length - 10]) {
      const bytes = Buffer.from(good);
      bytes[at] = bytes[at] === 0x41 ? 0x42 : 0x41;
      assert.throws(() => parseAttributeFile(bytes, golden.node), { code: 'ERR_INVALID_SETTING' }, `byte ${at}`);
    }
  });

  test('of another node is refused by name', () => {
    const other = signer('inferbase test key 1').peerId;
    assert.throws(
      () => parseAttributeFile(file('signed'), other),
      new RegExp(`signed by "${golden.node}" and the node is ${other}`),
    );
  });

  const padded = (data: Uint8Array): Buffer => Buffer.concat([data, Buffer.alloc(1024)]).subarray(0, 1024);
  const wrong: readonly (readonly [name: string, bytes: Uint8Array, message: RegExp])[] = [
    ['nothing', new Uint8Array(0), /it has 0 bytes/],
    ['too much', new Uint8Array(65_537), /it has 65537 bytes/],
    ['no zlib', new Uint8Array(1024), /no zlib stream/],
    [
      'a zlib stream cut off',
      deflateSync(Buffer.from('a=b'.repeat(9e5))).subarray(0, 1024),
      /no zlib stream|more than 65536/,
    ],
    ['a kilobyte that unpacks to a megabyte', padded(deflateSync(Buffer.alloc(950_000))), /more than 65536 bytes/],
    ['a record without a value', padded(deflateSync('a=b\x1fnothing')), /its record "nothing" is no NAME=VALUE/],
    ['a signer that is none', Buffer.concat([padded(deflateSync('a=b')), Buffer.from('x')]), /it is signed by "x"/],
    [
      'a node without its signature',
      Buffer.concat([padded(deflateSync('a=b')), Buffer.from(golden.node)]),
      /is no base64 of 64 bytes/,
    ],
    ['an attestor without its signature', Buffer.concat([file('signed'), Buffer.from('\x1fx')]), /of "x" is no base64/],
    ['an empty attestor', Buffer.concat([file('signed'), Buffer.from('\x1f')]), /the signature of "" is no base64/],
  ];
  for (const [name, bytes, message] of wrong) {
    test(`with ${name} is refused`, () => {
      assert.throws(() => parseAttributeFile(bytes, golden.node), { code: 'ERR_INVALID_SETTING', message });
    });
  }

  test('is read from its path, and one that is not there is told by name', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'inferbase-attributes-'));
    try {
      const path = join(dir, 'attributes.bin');
      await writeFile(path, file('attested'));
      assert.deepEqual((await loadAttributeFile(path, golden.node)).attestors, golden.attestors);
      await writeFile(path, Buffer.alloc(1e6));
      await assert.rejects(loadAttributeFile(path, golden.node), /it has 65537 bytes/);
      const none = join(dir, 'none.bin');
      await assert.rejects(loadAttributeFile(none, golden.node), { message: /none\.bin cannot be read \(ENOENT\)/ });
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

suite('a worker', () => {
  const [one = '', two = ''] = golden.attestors;
  const own: NodeAttributes = {
    told: { region: 'eu', RAM: '64 GB' },
    attested: { values: new Map([['RAM', '16 GB']]), attestors: [one, two] },
  };
  const value = (name: string, value: string) => ({ values: [{ name, value }] });

  const matching: readonly (readonly [
    name: string,
    wanted: Parameters<typeof matchesAttributes>[0],
    matches: boolean,
  ])[] = [
    ['is taken where nothing is wanted', null, true],
    ['is taken for what its operator says', value('region', 'eu'), true],
    ['is taken for what attestors say', value('RAM', '16 GB'), true],
    ['is not taken for another value', value('region', 'us'), false],
    ['is not taken for what it does not say', value('GPU', '1'), false],
    ['is not taken for what every object has', value('constructor', ''), false],
    ['has attestors', { attestation_required: true }, true],
    ['has each of two attestors', { attestors: { each: [one, two] } }, true],
    ['has not each of three', { attestors: { each: [one, two, golden.node] } }, false],
    ['has one of two', { attestors: { one_of: [golden.node, one] } }, true],
    ['has none of one', { attestors: { one_of: [golden.node] } }, false],
    [
      "is not taken at its operator's word where attestors matter",
      { ...value('region', 'eu'), attestation_required: true },
      false,
    ],
    ['is taken at that of its attestors', { ...value('RAM', '16 GB'), attestors: { each: [one] } }, true],
    ["nor at the operator's other word", { ...value('RAM', '64 GB'), attestors: { each: [one] } }, false],
  ];
  for (const [name, wanted, matches] of matching) {
    test(name, () => assert.equal(matchesAttributes(wanted, own), matches));
  }

  test('without a file has no attestors', () => {
    assert.equal(matchesAttributes({ attestation_required: true }, { told: { a: 'b' }, attested: null }), false);
    assert.equal(matchesAttributes({ attestors: { each: [one] } }, { told: {}, attested: null }), false);
  });
});
