import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { environmentSettings } from '../../runtime/config/environment.ts';
import { SETTING_KEYS } from '../../runtime/config/keys.ts';
import { legacySettings } from '../../runtime/config/legacy.ts';
import { parseListenAddress } from '../../runtime/config/listen.ts';

/** Key path → value of what one environment sets. */
function read(env: Record<string, string>): Record<string, unknown> {
  return Object.fromEntries(environmentSettings(env).map(({ path, value }) => [path.join('.'), value]));
}

describe('variables', () => {
  test('every setting has the name of its key path, one underscore per dot or hump', () => {
    assert.deepEqual(
      SETTING_KEYS.map(({ env }) => env),
      [
        'INFERBASE_ROLE',
        'INFERBASE_DATA_DIR',
        'INFERBASE_KEY_FILE',
        'INFERBASE_FUNCTIONS_DIR',
        'INFERBASE_LISTEN_API',
        'INFERBASE_LISTEN_METRICS',
        'INFERBASE_LISTEN_HOSTS',
        'INFERBASE_WEB_FUNCTIONS',
        'INFERBASE_UPSTREAMS_NAME_URL',
        'INFERBASE_UPSTREAMS_NAME_HEADERS',
        'INFERBASE_UPSTREAMS_NAME_TIMEOUT_MS',
        'INFERBASE_GATEWAYS',
        'INFERBASE_STORE_GATEWAY',
        'INFERBASE_STORE_MAX_BYTES',
        'INFERBASE_PEERS_ENABLED',
        'INFERBASE_PEERS_LISTEN',
        'INFERBASE_PEERS_ANNOUNCE',
        'INFERBASE_PEERS_CONNECT',
        'INFERBASE_PEERS_SERVE',
        'INFERBASE_PEERS_ALLOW',
        'INFERBASE_PEERS_MAX_CONNECTIONS',
        'INFERBASE_PEERS_MAX_PER_ADDRESS',
        'INFERBASE_WORK_TOPICS',
        'INFERBASE_WORK_HEADS',
        'INFERBASE_WORK_WORKERS',
        'INFERBASE_WORK_CLIENTS',
        'INFERBASE_WORK_ROLL_CALL_MS',
        'INFERBASE_WORK_EXECUTION_MS',
        'INFERBASE_WORK_SIGN',
        'INFERBASE_WORK_ATTRIBUTES',
        'INFERBASE_WORK_ATTRIBUTES_FILE',
        'INFERBASE_WORK_CONSENSUS',
        'INFERBASE_WORK_LASTING',
        'INFERBASE_PINNING_NAME_URL',
        'INFERBASE_PINNING_NAME_TOKEN',
        'INFERBASE_PINNING_NAME_ORIGINS',
        'INFERBASE_POLICY_ALLOW',
        'INFERBASE_EXTENSIONS_DIR',
        'INFERBASE_EXTENSIONS_ALLORA_ENABLED',
        'INFERBASE_EXTENSIONS_ALLORA_SCRIPT',
        'INFERBASE_EXTENSIONS_ALLORA_ARGV_ORDER',
        'INFERBASE_EXTENSIONS_ALLORA_ENV',
        'INFERBASE_EXTENSIONS_NAME_COMMAND',
        'INFERBASE_EXTENSIONS_NAME_ARGS',
        'INFERBASE_EXTENSIONS_NAME_TIMEOUT_MS',
        'INFERBASE_LIMITS_DEADLINE_MS',
        'INFERBASE_LIMITS_FUEL',
        'INFERBASE_LIMITS_MEMORY_PAGES',
        'INFERBASE_LIMITS_STDOUT_BYTES',
        'INFERBASE_LIMITS_STDERR_BYTES',
        'INFERBASE_LIMITS_STDIN_BYTES',
        'INFERBASE_LIMITS_BODY_BYTES',
        'INFERBASE_LIMITS_HOST_CALLS',
        'INFERBASE_LIMITS_HANDLES',
        'INFERBASE_LIMITS_FILE_BYTES',
        'INFERBASE_LIMITS_FUNCTION_CONCURRENCY',
        'INFERBASE_LIMITS_CONCURRENCY',
        'INFERBASE_LIMITS_QUEUE',
        'INFERBASE_LIMITS_POOL_BYTES',
        'INFERBASE_SANDBOX_THREADS',
        'INFERBASE_SANDBOX_STACK_KB',
        'INFERBASE_LOG_LEVEL',
      ],
    );
  });

  const rows: readonly [name: string, env: Record<string, string>, expected: Record<string, unknown>][] = [
    ['a number', { INFERBASE_LIMITS_DEADLINE_MS: '5000' }, { 'limits.deadlineMs': 5000 }],
    ['a list', { INFERBASE_GATEWAYS: 'http://a, http://b,' }, { gateways: ['http://a', 'http://b'] }],
    ['a mapping', { INFERBASE_UPSTREAMS_MODEL_HEADERS: '{"a":"b"}' }, { 'upstreams.model.headers': { a: 'b' } }],
    ['text that looks like a number', { INFERBASE_DATA_DIR: '7' }, { dataDir: '7' }],
    ['an upstream of several words', { INFERBASE_UPSTREAMS_PRICE_FEED_URL: 'x' }, { 'upstreams.price-feed.url': 'x' }],
    ['an upstream named url', { INFERBASE_UPSTREAMS_URL_URL: 'x' }, { 'upstreams.url.url': 'x' }],
    ['nothing of other programs', { PATH: '/bin', XINFERBASE_ROLE: 'x' }, {}],
    ['nothing where it is empty', { INFERBASE_GATEWAYS: '' }, {}],
    ['nothing of the file name', { INFERBASE_CONFIG: 'x.yaml' }, {}],
    [
      'nothing of what Kubernetes injects for a service of our name',
      {
        INFERBASE_SERVICE_HOST: '10.0.0.1',
        INFERBASE_SERVICE_PORT_HTTP: '6000',
        INFERBASE_PORT: 'tcp://10.0.0.1:6000',
        INFERBASE_PORT_6000_TCP_ADDR: '10.0.0.1',
        INFERBASE_HEAD_SERVICE_PORT: '6000',
      },
      {},
    ],
  ];
  for (const [name, env, expected] of rows) {
    test(`reads ${name}`, () => assert.deepEqual(read(env), expected));
  }

  test('an unknown name fails and names the nearest', () => {
    const message =
      /^INFERBASE_LIMIT_DEADLINE \(environment\) is not a setting; did you mean INFERBASE_LIMITS_DEADLINE_MS\?$/;
    assert.throws(() => environmentSettings({ INFERBASE_LIMIT_DEADLINE: '1' }), { message });
    assert.throws(() => environmentSettings({ INFERBASE_UPSTREAMS__URL: 'x' }), { code: 'ERR_INVALID_SETTING' });
  });
});

describe('legacy variables', () => {
  const rows: readonly [name: string, value: string, key: string, expected: string][] = [
    ['REST_API', '8080', 'listen.api', '0.0.0.0:8080'],
    ['REST_API', ':8080', 'listen.api', '0.0.0.0:8080'],
    ['REST_API', '127.0.0.1:8080', 'listen.api', '127.0.0.1:8080'],
    ['NODE_ROLE', 'worker', 'role', 'worker'],
    ['NODE_KEY_PATH', '/app/keys/priv.bin', 'keyFile', '/app/keys/priv.bin'],
    ['WORKSPACE_ROOT', '/tmp/node', 'dataDir', '/tmp/node'],
    ['INFERENCE_API_ADDRESS', 'http://inference:8000', 'upstreams.model.url', 'http://inference:8000'],
  ];
  for (const [name, value, key, expected] of rows) {
    test(`${name}=${value} sets ${key}`, () => {
      const { assignments, ignored } = legacySettings(
        { [name]: value },
        { listenApi: '0.0.0.0:6000', role: 'solo', peers: false },
      );
      assert.deepEqual(assignments, [{ path: key.split('.'), value: expected, origin: name }]);
      assert.deepEqual(ignored, []);
    });
  }

  const network = {
    ...{ TOPICS: '1, 2/reputer', BOOT_NODES: '/ip4/1.2.3.4/tcp/1/p2p/A,/dns4/h/tcp/2/p2p/B /ip4/1.2.3.4/tcp/3/p2p/C' },
    ...{ P2P_PORT: '9010', DIALBACK_ADDRESS: '203.0.113.5', DIALBACK_PORT: '9527' },
  };

  test('names of the network are known to a solo node and mean nothing to it', () => {
    assert.deepEqual(legacySettings(network, { listenApi: '', role: 'solo', peers: false }), {
      assignments: [],
      ignored: ['BOOT_NODES', 'DIALBACK_ADDRESS', 'DIALBACK_PORT', 'P2P_PORT', 'TOPICS'],
    });
  });

  test('a worker takes boot nodes, topics, port and address from them', () => {
    const { assignments, ignored } = legacySettings(network, { listenApi: '', role: 'worker', peers: true });
    assert.deepEqual(ignored, []);
    assert.deepEqual(Object.fromEntries(assignments.map(({ path, value }) => [path.join('.'), value])), {
      'peers.connect': ['/ip4/1.2.3.4/tcp/1/p2p/A', '/dns4/h/tcp/2/p2p/B', '/ip4/1.2.3.4/tcp/3/p2p/C'],
      'peers.listen': ['/ip4/0.0.0.0/tcp/9010'],
      'peers.announce': ['/ip4/203.0.113.5/tcp/9527'],
      'work.topics': ['1', '2/reputer'],
    });
  });

  test('an address to dial back without a port says nothing; one by name or of IPv6 is announced as such', () => {
    const context = { listenApi: '', role: 'head', peers: true };
    const alone = legacySettings({ DIALBACK_ADDRESS: 'head.example', TOPICS: '1' }, context);
    assert.deepEqual(alone, { assignments: [], ignored: ['DIALBACK_ADDRESS', 'TOPICS'] });
    for (const [address, expected] of [
      ['head.example', '/dns/head.example/tcp/1'],
      ['2001:db8::1', '/ip6/2001:db8::1/tcp/1'],
    ]) {
      const { assignments } = legacySettings({ DIALBACK_ADDRESS: address, DIALBACK_PORT: '1' }, context);
      assert.deepEqual(assignments[0]?.value, [expected]);
    }
  });
});

test('addresses to listen on', () => {
  assert.deepEqual(parseListenAddress('127.0.0.1:6000'), { host: '127.0.0.1', port: 6000 });
  assert.deepEqual(parseListenAddress('[::1]:0'), { host: '::1', port: 0 });
  for (const text of ['', ':6000', '6000', 'a b:1', 'a:65536', 'a:-1', '::1:5', 'http://a:1', 'a:1\n']) {
    assert.equal(parseListenAddress(text), undefined, text);
  }
});
