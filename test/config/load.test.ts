import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type LoadedSettings, loadSettings } from '../../runtime/config/load.ts';
import { consensusOf } from '../../runtime/config/settings.ts';
import type { InferbaseError } from '../../runtime/core/errors.ts';

let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'inferbase-settings-'));
});
after(() => rm(dir, { recursive: true, force: true }));

type Env = Record<string, string | undefined>;

/** Loads from a file of this text and these variables and flags. */
async function load(text: string | undefined, env: Env = {}, flags: Record<string, unknown> = {}) {
  const path = join(dir, 'settings.yaml');
  if (text !== undefined) await writeFile(path, text);
  return loadSettings({ cwd: dir, env, flags, config: text === undefined ? undefined : path });
}

function refusal(promise: Promise<LoadedSettings>): Promise<InferbaseError> {
  return promise.then(
    () => assert.fail('it was accepted'),
    (error: InferbaseError) => {
      assert.equal(error.code, 'ERR_INVALID_SETTING');
      return error;
    },
  );
}

describe('settings', () => {
  test('nothing set anywhere gives the documented defaults', async () => {
    const { settings, remarks } = await load(undefined);
    assert.deepEqual(settings, {
      role: 'solo',
      dataDir: join(dir, '.inferbase'),
      keyFile: null,
      functionsDir: null,
      listen: { api: '127.0.0.1:6000', metrics: null, hosts: [] },
      web: { functions: [] },
      upstreams: { model: { url: 'http://127.0.0.1:8000', headers: {}, timeoutMs: 10_000 } },
      gateways: [],
      store: { gateway: true, maxBytes: 10_737_418_240 },
      peers: {
        enabled: false,
        listen: null,
        announce: [],
        connect: [],
        serve: 'pinned',
        allow: [],
        maxConnections: null,
        maxPerAddress: null,
      },
      work: {
        topics: [],
        heads: [],
        workers: [],
        clients: [],
        rollCallMs: 5_000,
        executionMs: 20_000,
        sign: false,
        attributes: {},
        attributesFile: null,
        consensus: null,
        lasting: true,
      },
      policy: { allow: [] },
      pinning: {},
      extensions: {
        dir: null,
        allora: { enabled: false, script: null, argvOrder: 'v0.1.4', env: ['INFERENCE_API_ADDRESS'] },
        programs: {},
      },
      limits: {
        deadlineMs: 20_000,
        memoryPages: 256,
        stdoutBytes: 1_048_576,
        stderrBytes: 1_048_576,
        stdinBytes: 8_388_608,
        bodyBytes: 8_388_608,
        fuel: Number.MAX_SAFE_INTEGER,
        hostCalls: 10_000_000,
        handles: 1_024,
        fileBytes: 67_108_864,
        functionConcurrency: 4_096,
        poolBytes: 67_108_864,
        concurrency: 4096,
        queue: 1024,
      },
      sandbox: { threads: availableParallelism(), stackKb: 984 },
      log: { level: 'info' },
    });
    assert.deepEqual(remarks, []);
  });

  const file = 'upstreams: { model: { url: "http://file:1" } }';
  const variable = { INFERBASE_UPSTREAMS_MODEL_URL: 'http://variable:1' };
  const legacy = { INFERENCE_API_ADDRESS: 'http://legacy:1' };
  const flag = { 'upstreams.model.url': 'http://flag:1' };
  const rows: readonly [name: string, text: string, env: Env, flags: Record<string, unknown>, origin: string][] = [
    ['a file wins over the default', file, {}, {}, 'file'],
    ['a variable wins over a file', file, variable, {}, 'variable'],
    ['a legacy variable wins over ours', file, { ...variable, ...legacy }, {}, 'legacy'],
    ['a flag wins over all', file, { ...variable, ...legacy }, flag, 'flag'],
    ['an absent flag overwrites nothing', file, {}, { 'upstreams.model.url': undefined }, 'file'],
    ['an unset and an empty variable overwrite nothing', file, { INFERBASE_UPSTREAMS_MODEL_URL: '' }, {}, 'file'],
    ['null in a file overwrites nothing', 'upstreams: { model: { url: } }', variable, {}, 'variable'],
  ];
  for (const [name, text, env, flags, origin] of rows) {
    test(name, async () => {
      const { settings } = await load(text, env, flags);
      assert.equal(settings.upstreams.model?.url, `http://${origin}:1`);
    });
  }

  test('a command may have other defaults, which every source overrides', async () => {
    const defaults = { 'log.level': 'warn', 'sandbox.threads': 1 };
    const { settings, origin } = await loadSettings({ cwd: dir, env: { INFERBASE_SANDBOX_THREADS: '3' }, defaults });
    assert.equal(settings.log.level, 'warn');
    assert.equal(settings.sandbox.threads, 3);
    assert.equal(origin('log.level'), 'default');
    assert.equal(origin('sandbox.threads'), 'INFERBASE_SANDBOX_THREADS');
  });

  test('the result cannot be changed', async () => {
    const { settings } = await load(undefined);
    assert.throws(() => Object.assign(settings.upstreams.model ?? {}, { url: 'x' }), TypeError);
    assert.throws(() => (settings.gateways as string[]).push('x'), TypeError);
  });

  test('paths are absolute, from the working directory', async () => {
    const { settings } = await load('functionsDir: sub\nkeyFile: k.bin\ndataDir: /abs');
    assert.deepEqual(
      [settings.functionsDir, settings.keyFile, settings.dataDir],
      [join(dir, 'sub'), join(dir, 'k.bin'), '/abs'],
    );
  });

  test('workers join PBFT clusters and heads form none, unless told otherwise', async () => {
    for (const [role, told, expected] of [
      ['worker', undefined, 'pbft'],
      ['worker', 'none', 'none'],
      ['head', undefined, 'none'],
      ['head', 'pbft', 'pbft'],
    ]) {
      const { settings } = await load(`role: ${role}`, { INFERBASE_WORK_CONSENSUS: told });
      assert.equal(consensusOf(settings), expected);
    }
    const error = await refusal(load('work: { consensus: raft }'));
    assert.match(error.message, /work\.consensus .*raft.* one of pbft, none/);
  });

  test('an upstream of any name gets the defaults it leaves out', async () => {
    const { settings } = await load('upstreams: { price: { url: "http://p:9/v1" } }');
    assert.deepEqual(settings.upstreams.price, { url: 'http://p:9/v1', headers: {}, timeoutMs: 10_000 });
    assert.equal(settings.upstreams.model?.url, 'http://127.0.0.1:8000');
  });

  test('an extension of any name gets the defaults it leaves out, and paths are absolute', async () => {
    const { settings } = await load(
      'extensions:\n  dir: ext\n  allora: {script: main.py, argvOrder: v0.2.0}\n  my_tool: {command: python3, args: [a, "b,c"]}',
      { INFERBASE_EXTENSIONS_OTHER_TOOL_COMMAND: 'true', INFERBASE_EXTENSIONS_ALLORA_ENABLED: 'true' },
    );
    assert.deepEqual(settings.extensions, {
      dir: join(dir, 'ext'),
      allora: { enabled: true, script: join(dir, 'main.py'), argvOrder: 'v0.2.0', env: ['INFERENCE_API_ADDRESS'] },
      programs: {
        my_tool: { command: 'python3', args: ['a', 'b,c'], timeoutMs: null },
        'other-tool': { command: 'true', args: [], timeoutMs: null },
      },
    });
  });

  test('of the files a command takes the first that is there counts; function: in it is no setting', async () => {
    const cwd = await mkdtemp(join(dir, 'files-'));
    const fileNames = ['inferbase.yaml', 'config.yaml'];
    await writeFile(join(cwd, 'config.yaml'), 'function: {name: x, anything: [1]}\nlimits: {fuel: 7}');
    assert.equal((await loadSettings({ cwd, env: {}, fileNames })).settings.limits.fuel, 7);
    assert.notEqual((await loadSettings({ cwd, env: {} })).settings.limits.fuel, 7);
    await writeFile(join(cwd, 'inferbase.yaml'), 'function: {}\nlimits: {fuel: 8}');
    const { settings, origin } = await loadSettings({ cwd, env: {}, fileNames });
    assert.deepEqual([settings.limits.fuel, origin('limits.fuel')], [8, 'inferbase.yaml:2']);
  });

  test('several wrong settings are all named', async () => {
    const { message, details } = await refusal(load('role: boss\nlimits: { queue: -1 }'));
    assert.equal(message, '2 settings are not valid; correct each of these');
    assert.deepEqual(details, [
      'role is "boss" (set by settings.yaml:1); give one of solo, head, worker',
      'limits.queue is -1 (set by settings.yaml:2); give a whole number of executions from 0 to 1000000',
    ]);
  });

  const wrong: readonly [name: string, env: Env, message: RegExp][] = [
    ['text where a number belongs', { INFERBASE_LIMITS_QUEUE: 'x' }, /limits\.queue is "x" .*whole number/],
    ['a fraction', { INFERBASE_LIMITS_QUEUE: '1.5' }, /limits\.queue is 1\.5 /],
    ['an address without port', { INFERBASE_LISTEN_API: 'localhost' }, /listen\.api is "localhost"/],
    ['a port out of range', { INFERBASE_LISTEN_API: '127.0.0.1:99999' }, /listen\.api/],
    ['a URL of another scheme', { INFERBASE_UPSTREAMS_MODEL_URL: 'ftp://x' }, /upstreams\.model\.url is "ftp:\/\/x"/],
    ['a password in a URL', { INFERBASE_UPSTREAMS_MODEL_URL: 'http://a:b@x' }, /credentials belong in/],
    ['one bad gateway of several', { INFERBASE_GATEWAYS: 'http://a,b' }, /^gateways is \["http:\/\/a","b"\]/],
    [
      'an upstream without URL',
      { INFERBASE_UPSTREAMS_PRICE_TIMEOUT_MS: '5' },
      /upstreams\.price\.url is missing; give/,
    ],
    [
      'an extension without command',
      { INFERBASE_EXTENSIONS_X_TIMEOUT_MS: '5' },
      /extensions\.x\.command is missing; give/,
    ],
    ['a word where a switch belongs', { INFERBASE_EXTENSIONS_ALLORA_ENABLED: 'yes' }, /"yes".*true or false/],
    ['a log level', { INFERBASE_LOG_LEVEL: 'loud' }, /one of debug, info, warn, error, silent/],
  ];
  for (const [name, env, message] of wrong) {
    test(`refused: ${name}`, async () => {
      assert.match((await refusal(load(undefined, env))).message, message);
    });
  }

  test('refused: an extension with a name that is none, or that is taken', async () => {
    for (const name of ['"a/b"', '"../x"', 'constructor x', '""']) {
      const { message } = await refusal(load(`extensions: {${name}: {command: x}}`));
      assert.match(message, /^extensions/, name);
    }
    assert.match(
      (await refusal(load('extensions: {allora: {command: x}}'))).message,
      /extensions\.allora\.command .*not a setting/,
    );
    const env = { INFERBASE_EXTENSIONS_ALLORA_COMMAND: 'x' };
    assert.match((await refusal(load(undefined, env))).message, /INFERBASE_EXTENSIONS_ALLORA_COMMAND .*not a setting/);
  });

  test('a refused header is never shown', async () => {
    const env = { INFERBASE_UPSTREAMS_MODEL_HEADERS: '{"authorization": "Bearer hunter2\\n"}' };
    const { message } = await refusal(load(undefined, env));
    assert.match(message, /upstreams\.model\.headers is a value \(not shown\)/);
    assert.doesNotMatch(message, /hunter2/);
  });
});
