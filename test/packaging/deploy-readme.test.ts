import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { NODE_FLAGS } from '../../runtime/cli/allora/node-flags.ts';
import { SETTING_KEYS } from '../../runtime/config/keys.ts';
import { loadSettings } from '../../runtime/config/load.ts';
import { listenAddresses } from '../../runtime/config/settings.ts';
import { parseTcpAddress } from '../../runtime/core/multiaddr.ts';
import { temporaryFolder } from '../cli/command.ts';
import { ROOT } from '../source-files.ts';

const readme = readFileSync(join(ROOT, 'deploy/README.md'), 'utf8');
const PEER = '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV';
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

test('deploy/README.md has a StatefulSet whose variables are the settings of a worker', async () => {
  const [, text = ''] = /^```yaml\n(apiVersion[\s\S]*?)^```/m.exec(readme) ?? [];
  const { kind, spec } = parse(text);
  assert.equal(kind, 'StatefulSet');
  const { containers, securityContext } = spec.template.spec;
  const variables: { name: string; value: string }[] = containers[0].env;
  const env = Object.fromEntries(variables.map(({ name, value }) => [name, value.replace('PEER_ID', PEER)]));
  await using folder = await temporaryFolder();
  const { settings } = await loadSettings({ cwd: folder.path, env });
  assert.deepEqual([settings.role, settings.work.topics], ['worker', ['1']]);
  assert.deepEqual(settings.peers.connect, [`/dns4/HEAD/tcp/9010/p2p/${PEER}`]);
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  assert.ok(dockerfile.includes(`USER ${securityContext.runAsUser}:${securityContext.runAsGroup}`));
  const { port } = parseTcpAddress(listenAddresses(settings)[0] ?? '') ?? {};
  assert.equal(containers[0].ports[0].containerPort, port);
});
