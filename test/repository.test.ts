import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ROOT } from './source-files.ts';

/** Largest file that is kept: what is larger is made, or fetched. */
const MAX_BYTES = 300_000;

/** Written in parts, so that this file does not have them. */
const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a path of some machine', new RegExp(`(?<![\\w.])/(?:${['home', 'root', 'Users', 'work'].join('|')})/[\\w.-]`)],
  [
    'the host of a registry',
    new RegExp(`\\b(?:${['registry[.](?:npmjs|yarnpkg|npmmirror)', 'pypi[.]org', 'proxy[.]golang'].join('|')})`),
  ],
];

const listed = spawnSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' });
const files = listed.status === 0 ? listed.stdout.split('\0').filter((file) => file !== '') : [];

suite('every file that is kept', { skip: files.length === 0 && 'this is no git clone' }, () => {
  test(`has at most ${MAX_BYTES} bytes`, () => {
    const sizes = files.map(
      (file) => [file, statSync(join(ROOT, file), { throwIfNoEntry: false })?.size ?? 0] as const,
    );
    const large = sizes.filter(([, size]) => size > MAX_BYTES).map(([file, size]) => `${file}: ${size}`);
    assert.deepEqual(large, []);
  });

  test('speaks of no machine and no registry', () => {
    const found: string[] = [];
    for (const file of files) {
      if (statSync(join(ROOT, file), { throwIfNoEntry: false })?.isFile() !== true) continue;
      const text = readFileSync(join(ROOT, file), 'latin1');
      for (const [what, pattern] of FORBIDDEN) {
        const hit = pattern.exec(text);
        if (hit !== null) found.push(`${file}: ${what}, ${JSON.stringify(text.slice(hit.index, hit.index + 60))}`);
      }
    }
    assert.deepEqual(found, []);
  });
});
