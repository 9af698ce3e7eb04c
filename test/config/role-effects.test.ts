import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SETTING_KEYS } from '../../runtime/config/keys.ts';
import { loadSettings } from '../../runtime/config/load.ts';
import { effectRemarks, whyNoEffect } from '../../runtime/config/role-effects.ts';

const ROLES = ['solo', 'head', 'worker'] as const;

async function remarks(
  flags: Readonly<Record<string, unknown>>,
  { file = '', env = {} }: { file?: string; env?: Readonly<Record<string, string>> } = {},
) {
  const cwd = await mkdtemp(join(tmpdir(), 'inferbase-effects-'));
  try {
    await writeFile(join(cwd, 'inferbase.yaml'), file);
    return effectRemarks(await loadSettings({ cwd, env, flags }));
  } finally {
    await rm(cwd, { recursive: true });
  }
}

test('a setting that a role has no use for is told with where it was set and what to do', async () => {
  assert.deepEqual(await remarks({ role: 'worker', 'web.functions': '*' }), [
    {
      text: 'web.functions (set by --web-functions) has no effect on a worker node; set it on a head or a solo node, which serve the web',
      shared: false,
    },
  ]);
  const env = { INFERBASE_UPSTREAMS_MODEL_URL: 'http://10.0.0.5:8000', INFERBASE_LIMITS_FUEL: '9' };
  assert.deepEqual(
    (await remarks({ role: 'head', 'work.topics': '1' }, { env })).map(({ text }) => text),
    [
      'upstreams.model.url (set by INFERBASE_UPSTREAMS_MODEL_URL), limits.fuel (set by INFERBASE_LIMITS_FUEL) have no effect on a head node; functions run on its workers, set it there',
      'work.topics (set by --work-topics) has no effect on a head node; it is for workers',
    ],
  );
  assert.deepEqual(
    (await remarks({ 'peers.listen': '/ip4/127.0.0.1/tcp/1', 'work.workers': [] })).map(({ text }) => text),
    ['peers.listen (set by --peers-listen) has no effect on a solo node; set peers.enabled to true'],
  );
});

test('nothing is wrong with what is not given, with defaults, nor with a file that other roles share', async () => {
  for (const role of ROLES) assert.deepEqual(await remarks({ role }), []);
  assert.deepEqual(await remarks({ role: 'head', 'limits.memoryPages': 256, 'limits.bodyBytes': 1 }), []);
  const file = 'web: {functions: ["*"]}';
  assert.deepEqual(
    (await remarks({ role: 'worker' }, { file })).map(({ shared }) => shared),
    [true],
  );
  assert.deepEqual(
    (await remarks({}, { file: `role: worker\n${file}` })).map(({ shared }) => shared),
    [false],
  );
});

test('each group of settings has its roles', () => {
  const within = (key: string, enabled = true): string =>
    ROLES.filter((role) => whyNoEffect(key, { role, peers: { enabled } }) === undefined).join(' ');
  for (const { key } of SETTING_KEYS) {
    const group = key.split('.')[0] ?? '';
    if (
      ['role', 'dataDir', 'keyFile', 'functionsDir', 'listen', 'gateways', 'store', 'pinning', 'log'].includes(group)
    ) {
      assert.equal(within(key), 'solo head worker', key);
    }
    if (['upstreams', 'policy', 'extensions', 'sandbox'].includes(group)) assert.equal(within(key), 'solo worker', key);
    // Every setting of these has a role at all, and a node by itself has no use for most.
    if (group === 'work') assert.equal(within(key).includes('solo'), key === 'work.sign', key);
    if (group === 'peers') assert.equal(within(key), 'solo head worker', key);
  }
  assert.equal(within('limits.deadlineMs'), 'solo worker');
  assert.equal(within('limits.bodyBytes'), 'solo head worker');
  assert.equal(within('peers.connect', false), 'head worker');
  assert.equal(within('peers.serve', false), '');
  assert.equal(within('work.executionMs'), 'head');
  assert.equal(within('work.consensus'), 'head worker');
});
