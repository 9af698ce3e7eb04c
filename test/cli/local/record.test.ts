import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { birthOf } from '../../../runtime/cli/local/birth.ts';
import {
  isAlive,
  type ProcessRecord,
  readRecord,
  removeRecord,
  writeRecord,
} from '../../../runtime/cli/local/record.ts';
import { temporaryFolder } from '../command.ts';

const RECORD: ProcessRecord = {
  version: 1,
  pid: process.pid,
  birth: birthOf(process.pid) ?? '',
  since: '2026-11-30T12:00:00.000Z',
  url: 'http://127.0.0.1:6000',
  p2p: '/ip4/127.0.0.1/tcp/9010',
  peerId: '12D3KooW',
  topics: ['1'],
  options: { listenApi: '127.0.0.1:6000', upstream: ['model=http://127.0.0.1:8000'], model: false },
};

test('a record is read as it was written, leaves nothing beside it, and is gone when removed', async () => {
  await using folder = await temporaryFolder();
  assert.equal(await readRecord(folder.path, 'head'), undefined);
  await writeRecord(folder.path, 'head', RECORD);
  assert.deepEqual(await readRecord(folder.path, 'head'), RECORD);
  assert.equal(await readRecord(folder.path, 'worker'), undefined);
  assert.deepEqual(await readdir(join(folder.path, 'nodes/head')), ['process.json']);
  await removeRecord(folder.path, 'head');
  await removeRecord(folder.path, 'head');
  assert.equal(await readRecord(folder.path, 'head'), undefined);
});

test('a file that is no record is none: half of one, another version, a number that means everybody', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'nodes/head'), { recursive: true });
  const texts = [
    '',
    '{"version":1,"pi',
    'null',
    '[]',
    JSON.stringify({ ...RECORD, version: 2 }),
    ...[-1, 0, 1, 1.5, '4711', null].map((pid) => JSON.stringify({ ...RECORD, pid })),
    JSON.stringify({ ...RECORD, options: { a: 1 } }),
  ];
  for (const text of texts) {
    await writeFile(join(folder.path, 'nodes/head/process.json'), text);
    assert.equal(await readRecord(folder.path, 'head'), undefined, text);
  }
});

test('a process is the one of the record only if it was born when that says', () => {
  assert.equal(isAlive(RECORD), true);
  assert.equal(isAlive({ ...RECORD, birth: `${RECORD.birth}0` }), false);
  assert.equal(isAlive({ ...RECORD, birth: '' }), false);
  assert.equal(isAlive({ ...RECORD, pid: 2 ** 30 }), false);
});
