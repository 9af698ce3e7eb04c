import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { PeerResult } from '../../runtime/core/node.ts';
import { createKeptResults, type KeptResults } from '../../runtime/services/kept-results/kept-results.ts';
import { encodeRecord, readRecords } from '../../runtime/services/kept-results/result-record.ts';
import { outcome, peerResult } from '../http/stub-node.ts';
import { tempDir } from '../store/support.ts';

const ATTESTATION = {
  peerId: 'p',
  functionId: 'f',
  requestHash: '00',
  outcomeHash: '11',
  time: '2026-01-01T00:00:00Z',
  signature: '22',
};

function kept(folder: string | null, over: Partial<Parameters<typeof createKeptResults>[0]> = {}): KeptResults {
  return createKeptResults({ folder, log: () => {}, ...over });
}

/** What a later process finds. */
async function after(folder: string, requestIds: readonly string[]): Promise<(readonly PeerResult[] | undefined)[]> {
  const later = kept(folder);
  const found = await Promise.all(requestIds.map((id) => later.get(id)));
  await later.close();
  return found;
}

/** The only file there is. */
async function fileIn(folder: string): Promise<string> {
  const names = await readdir(folder);
  assert.equal(names.length, 1);
  return join(folder, names[0] ?? '');
}

async function folderWith(t: TestContext, requestIds: readonly string[]): Promise<string> {
  const folder = join(await tempDir(t), 'results');
  const results = kept(folder);
  for (const id of requestIds) results.set(id, [peerResult(id)]);
  await results.close();
  return folder;
}

suite('results of requests', () => {
  test('are those of the last ones, and of so many bytes at most', async () => {
    const results = kept(null, { maxRequests: 2, maxBytes: 10_000 });
    for (const id of ['a', 'b', 'c']) results.set(id, [peerResult(id)]);
    assert.equal(await results.get('a'), undefined);
    assert.deepEqual(await results.get('c'), [peerResult('c')]);
    results.set('large', [peerResult('large', { stdout: Buffer.alloc(8_000) })]);
    assert.equal(await results.get('b'), undefined);
    results.set('too large', [peerResult('x', { stdout: Buffer.alloc(20_000) })]);
    assert.equal(await results.get('too large'), undefined);
    await results.close();
  });

  test('are bounded by the words of workers as well as by what they print', async () => {
    const results = kept(null, { maxBytes: 100_000 });
    const long = { ...peerResult('p'), outcome: outcome({ message: 'x'.repeat(60_000) }) };
    results.set('first', [long]);
    results.set('second', [long]);
    assert.deepEqual([await results.get('first'), (await results.get('second'))?.length], [undefined, 1]);
  });

  test('grow by what comes late, once for each peer', async () => {
    const results = kept(null);
    results.add('id', peerResult('a'));
    results.add('id', peerResult('b'));
    results.add('id', peerResult('a', { exitCode: 3 }));
    assert.deepEqual(await results.get('id'), [peerResult('b'), peerResult('a', { exitCode: 3 })]);
    await results.close();
  });
});

suite('results in a data folder', () => {
  test('are found by a later process, every field of them', async (t) => {
    const folder = join(await tempDir(t), 'results');
    const results = kept(folder);
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const all = [
      { peerId: 'a', outcome: outcome({ stdout: bytes, stderr: bytes, cause: 'fuel', exitCode: 1, message: 'ü"\n' }) },
      { peerId: 'b', outcome: outcome({ stdoutTruncated: true, stderrTruncated: true }), attestation: ATTESTATION },
    ];
    results.set('id', all);
    results.add('late', peerResult('a'));
    await results.close();
    const [first, second, none] = await after(folder, ['id', 'late', 'other']);
    assert.deepEqual(
      first?.map((result) => ({ ...result, outcome: { ...result.outcome, stdout: [...result.outcome.stdout] } })),
      all.map((result) => ({ ...result, outcome: { ...result.outcome, stdout: [...result.outcome.stdout] } })),
    );
    assert.deepEqual(second?.length, 1);
    assert.equal(none, undefined);
    assert.equal((await stat(await fileIn(folder))).mode & 0o077, 0);
  });

  test('are there soon after they came, without any end of the process', async (t) => {
    const folder = join(await tempDir(t), 'results');
    const results = kept(folder);
    results.set('id', [peerResult('a')]);
    while ((await after(folder, ['id']))[0] === undefined) await new Promise(setImmediate);
    await results.close();
  });

  test('of a file cut off anywhere are those before the cut', async (t) => {
    const folder = await folderWith(t, ['a', 'b', 'c']);
    const whole = await readFile(await fileIn(folder));
    const ids = (bytes: Buffer): string => Array.from(readRecords(bytes), ({ requestId }) => requestId).join('');
    for (let length = 0; length <= whole.length; length++) {
      const found = ids(whole.subarray(0, length));
      assert.equal(found, 'abc'.slice(0, found.length));
      if (length === whole.length) assert.equal(found, 'abc');
    }
    await truncate(await fileIn(folder), whole.length - 1);
    assert.deepEqual(
      (await after(folder, ['a', 'b', 'c'])).map((found) => found?.length),
      [1, 1, undefined],
    );
  });

  test('of a file with any one byte changed are none that is not as it was written', async (t) => {
    const folder = await folderWith(t, ['a', 'b']);
    const whole = await readFile(await fileIn(folder));
    const written = ['a', 'b'].map((id) =>
      JSON.stringify([...readRecords(encodeRecord({ requestId: id, results: [peerResult(id)] }))]),
    );
    for (let at = 0; at < whole.length; at += 3) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      for (const record of readRecords(damaged)) assert.ok(written.includes(JSON.stringify([record])));
    }
  });

  test('with a number past all that are, which JSON can write, are none', () => {
    const written = encodeRecord({ requestId: 'a', results: [peerResult('a')] });
    const body = Buffer.from(
      written
        .subarray(8)
        .toString()
        .replace(/"exitCode":\d+/, '"exitCode":1e999'),
    );
    const header = Buffer.alloc(8);
    header.writeUInt32LE(body.length, 0);
    header.writeUInt32LE(crc32(body), 4);
    assert.ok(body.includes('1e999'));
    assert.deepEqual([...readRecords(Buffer.concat([header, body]))], []);
  });

  test('that are garbage, foreign files and folders never stop the start', async (t) => {
    const folder = await folderWith(t, ['a']);
    const name = (n: number): string => join(folder, `${String(n).padStart(14, '0')}-00000000.results`);
    await writeFile(name(1), Buffer.alloc(4_096, 0xff));
    await writeFile(name(2), Buffer.from([0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]));
    await writeFile(name(3), '');
    await mkdir(name(4));
    await writeFile(name(5), encodeRecord({ requestId: 'odd', results: [{ ...peerResult('a'), peerId: 7 } as never] }));
    await writeFile(name(6), encodeRecord({ requestId: 'b', results: [peerResult('b')] }));
    await writeFile(join(folder, 'notes.txt'), 'mine');
    assert.deepEqual(
      (await after(folder, ['a', 'odd', 'b'])).map((found) => found?.length),
      [1, undefined, 1],
    );
  });

  test('go on in a new file after one that ends in the middle of a record', async (t) => {
    const folder = await folderWith(t, ['a']);
    await appendFile(await fileIn(folder), Buffer.from([200, 0, 0, 0, 1, 2]));
    const results = kept(folder);
    results.set('b', [peerResult('b')]);
    await results.close();
    assert.deepEqual(
      (await after(folder, ['a', 'b'])).map((found) => found?.length),
      [1, 1],
    );
  });

  test('take no more room than the last ones need', async (t) => {
    const folder = join(await tempDir(t), 'results');
    for (let run = 0; run < 6; run++) {
      const results = kept(folder, { maxRequests: 10 });
      for (let i = 0; i < 25; i++) {
        results.set(`${run}-${i}`, [peerResult('a')]);
      }
      await results.close();
    }
    assert.ok((await readdir(folder)).length <= 2);
    assert.deepEqual(
      (await after(folder, ['5-14', '5-15', '5-24'])).map((found) => found?.length),
      [undefined, 1, 1],
    );
  });

  test('that cannot be written are told once and stay in memory', async (t) => {
    const parent = await tempDir(t);
    const folder = join(parent, 'results');
    await writeFile(folder, 'a file where the folder should be');
    const lines: string[] = [];
    const results = kept(folder, { log: (line) => lines.push(line) });
    for (const id of ['a', 'b']) {
      results.set(id, [peerResult('a')]);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    await results.close();
    assert.equal((await results.get('a'))?.length, 1);
    assert.deepEqual(lines, ['results cannot be written to the data folder and will not survive a restart']);
  });
});
