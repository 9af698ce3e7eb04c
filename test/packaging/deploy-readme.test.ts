import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NODE_FLAGS } from '../../runtime/cli/allora/node-flags.ts';
import { SETTING_KEYS } from '../../runtime/config/keys.ts';
import { ROOT } from '../source-files.ts';

const readme = readFileSync(join(ROOT, 'deploy/README.md'), 'utf8');
const [, table = ''] = readme.split('| flag | setting | |\n');
const rows = table.slice(0, table.indexOf('\n\n')).split('\n').slice(1);

/** Code in a column. */
function code(row: string, column: number): string[] {
  return [...(row.split('|')[column] ?? '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
}

test('deploy/README.md says of every flag of allora-node what it means, and of no other', () => {
  const told = rows.flatMap((row) => code(row, 1));
  const flags = NODE_FLAGS.flatMap(({ name, short }) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]);
  assert.deepEqual(told.toSorted(), flags.toSorted());
});

test('deploy/README.md names settings that there are', () => {
  const keys = SETTING_KEYS.map(({ key }) => key);
  const named = rows.flatMap((row) => code(row, 2));
  assert.ok(named.length > 10);
  assert.deepEqual(
    named.filter((key) => !keys.some((known) => known === key || known.startsWith(`${key}.`))),
    [],
  );
  const variables = [...readme.matchAll(/\bINFERBASE_[A-Z_]+[A-Z]\b/g)].map(([name]) =>
    name.replace('UPSTREAMS_MODEL', 'UPSTREAMS_NAME'),
  );
  const known = [...SETTING_KEYS.map(({ env }) => env), 'INFERBASE_CONFIG'];
  assert.deepEqual(
    variables.filter((name) => !known.includes(name)),
    [],
  );
});
