import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { readTar } from '../../runtime/store/tar.ts';
import { type Member, tar } from './support.ts';

const CAPS = { entries: 20 };
const data = Buffer.from('content');

function pax(...records: readonly (readonly [string, string])[]): Member {
  const lines = records.map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    let length = rest + String(rest).length;
    if (String(length).length + rest !== length) length++;
    return `${length} ${key}=${value}\n`;
  });
  return { name: 'PaxHeaders/x', type: 'x', data: Buffer.from(lines.join('')) };
}

function names(...members: readonly Member[]): readonly string[] {
  return [...readTar(tar(...members), CAPS).keys()];
}

test('files are read, folders passed over, and a leading ./ means nothing', () => {
  const files = readTar(
    tar({ name: './', type: '5' }, { name: './a.wasm', data }, { name: 'old', data, type: '\0' }),
    CAPS,
  );
  assert.deepEqual([...files.keys()], ['a.wasm', 'old']);
  assert.deepEqual(Buffer.from(files.get('a.wasm') ?? []), data);
});

test('long names of both kinds are read', () => {
  const long = `${'d/'.repeat(100)}long.wasm`;
  assert.deepEqual(
    names(
      { name: '././@LongLink', type: 'L', data: Buffer.from(`${long}\0`) },
      { name: 'cut', data },
      { name: 'b', data },
    ),
    [long, 'b'],
  );
  assert.deepEqual(names(pax(['mtime', '1.5'], ['path', `${long}ü`]), { name: 'cut', data }, { name: 'b', data }), [
    `${long}ü`,
    'b',
  ]);
});

test('a size in a pax header counts, one in GNU binary form too', () => {
  assert.equal(readTar(tar(pax(['size', '7']), { name: 'a', data, size: '00000000000\0' }), CAPS).get('a')?.length, 7);
  const binary = `\x80${'\0'.repeat(10)}\x07`;
  assert.equal(readTar(tar({ name: 'a', data, size: binary }), CAPS).get('a')?.length, 7);
});

test('what is refused under a short name is refused under a long one', () => {
  for (const path of ['../x', '/x', 'a/../x', 'a\0b', 'a\\b', '']) {
    assert.throws(() => names(pax(['path', path]), { name: 'fine', data }), { code: 'ERR_INVALID_ARCHIVE' }, path);
  }
  for (const path of ['../x', '/x']) {
    assert.throws(() => names({ name: 'L', type: 'L', data: Buffer.from(path) }, { name: 'fine', data }), {
      code: 'ERR_INVALID_ARCHIVE',
    });
  }
});

test('broken headers, sizes and pax records are refused', () => {
  const cases: readonly Member[] = [
    { name: 'a', size: '777777777777' },
    { name: 'a', size: '99999999999\0' },
    { name: 'a', size: `\xff${'\xff'.repeat(11)}` },
    { name: 'x', type: 'x', data: Buffer.from('9 path\n') },
    { name: 'x', type: 'x', data: Buffer.from('99 path=a\n') },
    { name: 'x', type: 'x', data: Buffer.from('0 path=a\n') },
    { name: 'x', type: 'x', data: Buffer.from('path=a\n') },
    { name: 'x', type: 'g', data: Buffer.from('10 path=a\n') },
    { name: 'x', type: 'x', data: Buffer.from('23 GNU.sparse.size=100\n') },
    { name: 'L', type: 'L', data: Buffer.from([0xff, 0xfe]) },
    { name: 'l', type: 'K', data: Buffer.from('target') },
    { name: 's', type: 'S' },
  ];
  for (const member of cases) {
    assert.throws(() => names(member, { name: 'b', data }), { code: 'ERR_INVALID_ARCHIVE' }, JSON.stringify(member));
  }
  const many = Array.from({ length: 30 }, (_, index) => ({ name: `${index}` }));
  assert.throws(() => names(...many), { message: /more than 20 entries/ });
});

test('cut or damaged anywhere, an archive is refused or read, never anything else', () => {
  const whole = tar(
    pax(['path', 'a/b.wasm']),
    { name: 'cut', data },
    { name: 'L', type: 'L', data: Buffer.from('long') },
    { name: 'x', data },
  );
  const attempt = (bytes: Uint8Array): void => {
    try {
      readTar(bytes, CAPS);
    } catch (error) {
      assert.ok(error instanceof InferbaseError && error.code === 'ERR_INVALID_ARCHIVE', String(error));
    }
  };
  for (let length = 0; length < whole.length - 512; length++) {
    assert.throws(() => readTar(whole.subarray(0, length), CAPS), { code: 'ERR_INVALID_ARCHIVE' });
  }
  let seed = 42;
  for (let round = 0; round < 2000; round++) {
    const damaged = Uint8Array.from(whole);
    for (let flips = 0; flips < 3; flips++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      damaged[seed % damaged.length] = seed >>> 24;
    }
    attempt(damaged);
  }
});
