import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { NODE_FLAGS } from '../../../runtime/cli/allora/node-flags.ts';
import { type NodeSettings, nodeSettings } from '../../../runtime/cli/allora/node-settings.ts';
import { parseFlags } from '../../../runtime/cli/allora/pflag.ts';
import { type LoadedSettings, loadSettings } from '../../../runtime/config/load.ts';
import { InferbaseError } from '../../../runtime/core/errors.ts';

const ID = '12D3KooWBGQ98L4Qmp1YXXGQwUoN4xZh29tLAR338rLj8KZbpfYL';

/** What `allora-node --help` of the Allora inference base lists (commit a8a3cef9): name, short form, kind, default. */
const AIB: readonly (readonly [name: string, short: string, kind: string, fallback: string])[] = [
  ['log-level', 'l', 'string', 'info'],
  ['role', 'r', 'string', 'worker'],
  ['peer-db', '', 'string', 'peer-db'],
  ['function-db', '', 'string', 'function-db'],
  ['concurrency', 'c', 'uint', '10'],
  ['rest-api', '', 'string', ''],
  ['workspace', '', 'string', './workspace'],
  ['runtime-path', '', 'string', ''],
  ['runtime-cli', '', 'string', ''],
  ['attributes', '', 'bool', ''],
  ['topic', '', 'strings', ''],
  ['private-key', '', 'string', ''],
  ['address', 'a', 'string', '0.0.0.0'],
  ['port', 'p', 'uint', ''],
  ['boot-nodes', '', 'strings', ''],
  ['dialback-address', '', 'string', '0.0.0.0'],
  ['dialback-port', '', 'uint', ''],
  ['websocket-dialback-port', '', 'uint', ''],
  ['websocket', 'w', 'bool', ''],
  ['websocket-port', '', 'uint', ''],
  ['cpu-percentage-limit', '', 'float', '1'],
  ['memory-limit', '', 'int', ''],
  ['allora-chain-home-dir', '', 'string', ''],
  ['allora-chain-key-name', '', 'string', ''],
  ['allora-chain-restore-mnemonic', '', 'string', ''],
  ['allora-chain-account-password', '', 'string', ''],
  ['allora-node-rpc-address', '', 'string', 'http://localhost:26657'],
  ['allora-chain-topic-id', '', 'strings', ''],
  ['allora-chain-reconnect-seconds', '', 'uint', '60'],
  ['allora-chain-initial-stake', '', 'int', ''],
  ['allora-chain-worker-mode', '', 'string', 'worker'],
  ['allora-chain-gas', '', 'string', 'auto'],
  ['allora-chain-gas-adjustment', '', 'float', '0.1'],
];

/** A value of its kind that each flag may have. */
function example(name: string, kind: string): string {
  const values: Record<string, string> = {
    'log-level': 'debug',
    role: 'head',
    address: '127.0.0.1',
    'rest-api': ':6000',
    'boot-nodes': `/ip4/127.0.0.1/tcp/9010/p2p/${ID}`,
    'dialback-address': '203.0.113.5',
  };
  return values[name] ?? { uint: '9', int: '1000', float: '0.5', strings: '1' }[kind] ?? 'text';
}

function map(args: readonly string[], there: readonly string[] = []): NodeSettings {
  return nodeSettings(parseFlags(NODE_FLAGS, args), (path) => there.includes(path));
}

async function load(
  args: readonly string[],
  { env = {}, there = [] }: { env?: Record<string, string>; there?: readonly string[] } = {},
): Promise<LoadedSettings & Pick<NodeSettings, 'warnings'>> {
  const { warnings, ...sources } = map(args, there);
  return { ...(await loadSettings({ cwd: '/nowhere', env, ...sources })), warnings };
}

suite('allora-node', () => {
  test('has every flag of the Allora inference base, with its short form and kind', () => {
    const shown = NODE_FLAGS.filter(({ hidden }) => hidden !== true);
    const ours = shown.map(({ name, short = '', kind }) => [name, short, kind]);
    assert.deepEqual(
      ours,
      AIB.map(([name, short, kind]) => [name, short, kind]),
    );
  });

  for (const [name, short, kind] of AIB) {
    test(`takes --${name} in every spelling`, async () => {
      const value = example(name, kind);
      const forms =
        kind === 'bool' ? [[`--${name}`], [`--${name}=true`]] : [[`--${name}=${value}`], [`--${name}`, value]];
      if (short !== '') forms.push(kind === 'bool' ? [`-${short}`] : [`-${short}`, value]);
      const [first, ...others] = await Promise.all(forms.map((args) => load(args)));
      for (const other of others) {
        assert.deepEqual(other.settings, first?.settings);
        assert.deepEqual(other.warnings, first?.warnings);
      }
    });
  }

  test('of the dev compose of allocmd means the same node as before', async () => {
    const { settings, warnings } = await load(
      [
        'allora-node',
        '--role=worker',
        '--peer-db=/data/worker/peer-database',
        '--function-db=/data/worker/function-database',
        '--runtime-path=/app/runtime',
        '--runtime-cli=bls-runtime',
        '--workspace=/data/worker/workspace',
        '--private-key=/data/worker/key/priv.bin',
        '--log-level=debug',
        '--port=9011',
        '--topic=allora-topic-1-worker',
        `--boot-nodes=/ip4/172.19.0.100/tcp/9010/p2p/${ID}`,
      ],
      { there: ['/app/runtime/extensions'] },
    );
    assert.equal(settings.role, 'worker');
    assert.equal(settings.dataDir, '/data/worker/function-database/inferbase');
    assert.equal(settings.keyFile, '/data/worker/key/priv.bin');
    assert.equal(settings.log.level, 'debug');
    assert.deepEqual(settings.peers.listen, ['/ip4/0.0.0.0/tcp/9011']);
    assert.deepEqual(settings.peers.connect, [`/ip4/172.19.0.100/tcp/9010/p2p/${ID}`]);
    assert.deepEqual(settings.work.topics, ['allora-topic-1-worker']);
    assert.equal(settings.extensions.dir, '/app/runtime/extensions');
    assert.deepEqual(settings.extensions.allora, { ...settings.extensions.allora, enabled: true, argvOrder: 'v0.2.0' });
    assert.deepEqual(warnings, []);
    assert.equal(settings.listen.metrics, '0.0.0.0:2112');
  });

  test('of its head serves the REST API on every interface and says so', async () => {
    const { settings, warnings } = await load(['--role=head', '--port=9010', '--rest-api=:6000', '--runtime-path=/x']);
    assert.deepEqual([settings.role, settings.listen.api], ['head', '0.0.0.0:6000']);
    assert.equal(settings.extensions.allora.enabled, false);
    assert.match(warnings.join('\n'), /^the REST API listens on every interface \(0\.0\.0\.0:6000\)/);
    assert.deepEqual((await load(['-r', 'head', '--rest-api=127.0.0.1:6000'])).warnings, []);
    const worker = await load(['--role=worker', '--rest-api=nonsense']);
    assert.match(worker.warnings.join(), /--rest-api has no effect on a worker/);
  });

  test('without flags is a worker that takes connections at any free port, unless the environment says otherwise', async () => {
    const { settings } = await load([]);
    assert.equal(settings.role, 'worker');
    assert.deepEqual(settings.peers.listen, ['/ip4/0.0.0.0/tcp/0']);
    assert.ok(settings.gateways.length > 0, 'functions come from somewhere, as before');
    const env = {
      INFERBASE_PEERS_LISTEN: '/ip4/0.0.0.0/tcp/9011',
      INFERBASE_GATEWAYS: 'http://127.0.0.1:6000',
      INFERBASE_DATA_DIR: '/data',
      NODE_ROLE: 'head',
    };
    const other = await load([], { env });
    assert.equal(other.settings.role, 'head');
    assert.deepEqual(other.settings.peers.listen, ['/ip4/0.0.0.0/tcp/9011']);
    assert.deepEqual(other.settings.gateways, ['http://127.0.0.1:6000']);
    assert.equal(other.settings.dataDir, '/data');
    assert.equal((await load(['--role=worker', '--function-db=/f'], { env })).settings.dataDir, '/f/inferbase');
  });

  test('takes connections by WebSocket and is announced as the dial-back flags say', async () => {
    const args = ['-a', '::', '-p', '9011', '-w', '--websocket-port=9012', '--dialback-address=node.example'];
    const { flags } = map([...args, '--dialback-port=19011', '--websocket-dialback-port=19012']);
    assert.deepEqual(flags['peers.listen'], ['/ip6/::/tcp/9011', '/ip6/::/tcp/9012/ws']);
    assert.deepEqual(flags['peers.announce'], ['/dns/node.example/tcp/19011', '/dns/node.example/tcp/19012/ws']);
    assert.deepEqual(map([...args, '--dialback-port=19011']).flags['peers.announce'], [
      '/dns/node.example/tcp/19011',
      '/dns/node.example/tcp/9012/ws',
    ]);
    assert.equal(map(args).flags['peers.announce'], undefined, 'not without a port');
    assert.throws(
      () => map(['-wp', '9011', '--websocket-port=9011']),
      (error: unknown) => {
        return error instanceof InferbaseError && /both 9011/.test(error.message);
      },
    );
    const { flags: none, warnings } = map(['--dialback-port=1']);
    assert.equal(none['peers.announce'], undefined);
    assert.match(warnings.join(), /--dialback-port has no effect without --dialback-address/);
  });

  test('keeps its state where the volumes are: below --function-db, else --workspace, else as the settings say', async () => {
    assert.equal(map(['--function-db=/a', '--workspace=/b', '--peer-db=/c']).flags.dataDir, '/a/inferbase');
    assert.equal(map(['--workspace=/b', '--peer-db=/c']).flags.dataDir, '/b/inferbase');
    assert.equal(map(['--peer-db=/c']).flags.dataDir, undefined);
    assert.match(map(['--function-db=/a'], ['/a/CURRENT']).warnings.join(), /fetched again by CID/);
  });

  test('bounds executions by --memory-limit and --concurrency', async () => {
    const pages = async (kilobytes: string): Promise<number> =>
      (await load([`--memory-limit=${kilobytes}`])).settings.limits.memoryPages;
    assert.deepEqual(await Promise.all(['0', '1', '1000', '9999999999'].map(pages)), [256, 1, 15, 65_536]);
    assert.equal((await load(['-c', '7'])).settings.limits.concurrency, 7);
  });

  test('lists of several flags and of empty parts are one list', async () => {
    const { settings } = await load(['--topic=1,2', '--topic', '3/reputer', '--topics=4', '--boot-nodes=']);
    assert.deepEqual(settings.work.topics, ['1', '2', '3/reputer', '4']);
    assert.deepEqual(settings.peers.connect, []);
  });

  test('levels of the older log are those of ours', async () => {
    const level = async (text: string): Promise<string> => (await load([`-l${text}`])).settings.log.level;
    assert.deepEqual(await Promise.all(['trace', 'info', 'fatal', 'disabled'].map(level)), [
      'debug',
      'info',
      'error',
      'silent',
    ]);
    for (const text of ['chatty', 'constructor']) {
      await assert.rejects(level(text), new RegExp(`log\\.level is "?${text}"? \\(set by --log-level\\); give one of`));
    }
  });

  test('names flags without effect and never what they were given', async () => {
    const secret = 'fluid maid owner phrase';
    const { warnings, ...rest } = map([
      '--allora-chain-restore-mnemonic',
      secret,
      `--allora-chain-account-password=${secret}`,
      '--allora-node-rpc-address=http://user:secret@rpc.example',
      '--attributes',
      '--cpu-percentage-limit=0.5',
      'fluid',
      'maid',
    ]);
    const text = warnings.join('\n');
    assert.match(
      text,
      /--allora-chain-restore-mnemonic, --allora-chain-account-password, --allora-node-rpc-address have/,
    );
    assert.match(text, /--attributes has no effect/);
    assert.match(text, /--cpu-percentage-limit has no effect/);
    assert.match(text, /2 arguments are no flags/);
    assert.doesNotMatch(text + JSON.stringify(rest), /fluid|secret/);
    assert.deepEqual(map(['allora-node', '--cpu-percentage-limit=1', '--attributes=false']).warnings, []);
  });

  test('an error in a setting names the flag it came from', async () => {
    await assert.rejects(load(['--role=chief']), /role is "?chief"? \(set by --role\)/);
    await assert.rejects(load(['--boot-nodes=head-id']), /peers\.connect .*\(set by --boot-nodes\)/);
    await assert.rejects(load(['--rest-api=6000']), /listen\.api .*\(set by --rest-api\)/);
    await assert.rejects(load(['--port=70000']), /peers\.listen .*\(set by --port\)/);
  });
});
