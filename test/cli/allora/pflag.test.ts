import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Flag, FlagError, type FlagValue, parseFlags, usage } from '../../../runtime/cli/allora/pflag.ts';

const FLAGS: readonly Flag[] = [
  { name: 'log-level', short: 'l', kind: 'string', text: 'level', fallback: 'info' },
  { name: 'concurrency', short: 'c', kind: 'uint', text: 'how many', fallback: '10' },
  { name: 'port', short: 'p', kind: 'uint', text: 'port' },
  { name: 'stake', kind: 'int', text: 'stake' },
  { name: 'cpu', kind: 'float', text: 'share' },
  { name: 'websocket', short: 'w', kind: 'bool', text: 'by websocket' },
  { name: 'topic', kind: 'strings', text: 'topics' },
  { name: 'old', kind: 'bool', text: 'not shown', hidden: true },
];

function given(...args: string[]): Record<string, FlagValue> {
  return Object.fromEntries(parseFlags(FLAGS, args).values);
}

/** What a Go program with pflag v1.0.5 took of these arguments. */
const TAKEN: readonly (readonly [args: readonly string[], values: Record<string, FlagValue>])[] = [
  [['--log-level=debug'], { 'log-level': 'debug' }],
  [['--log-level', 'debug'], { 'log-level': 'debug' }],
  [['--log-level', '--port'], { 'log-level': '--port' }],
  [['--log-level=a=b'], { 'log-level': 'a=b' }],
  [['--log-level='], { 'log-level': '' }],
  [['-l', 'debug'], { 'log-level': 'debug' }],
  [['-ldebug'], { 'log-level': 'debug' }],
  [['-l=debug'], { 'log-level': 'debug' }],
  [['-l='], { 'log-level': '=' }],
  [['-wp', '9'], { websocket: true, port: 9 }],
  [['-wp9', '-lx'], { websocket: true, port: 9, 'log-level': 'x' }],
  [['-w=false'], { websocket: false }],
  [['--websocket', 'false'], { websocket: true }],
  [['--websocket=F'], { websocket: false }],
  [['--port=1', '--port=2'], { port: 2 }],
  [['--port=0x10'], { port: 16 }],
  [['--port=010'], { port: 8 }],
  [['--port=1_000'], { port: 1000 }],
  [['--port=0'], { port: 0 }],
  [['--stake=-0b11'], { stake: -3 }],
  [['--stake', '+7'], { stake: 7 }],
  [['--cpu=.5'], { cpu: 0.5 }],
  [['--cpu=1e-1'], { cpu: 0.1 }],
  [['--topic=1'], { topic: ['1'] }],
  [['--topic=1,2', '--topic', '3'], { topic: ['1', '2', '3'] }],
  [['--topic=a, b'], { topic: ['a', ' b'] }],
  [['--topic="a,b",c'], { topic: ['a,b', 'c'] }],
  [['--topic="a ""b"""'], { topic: ['a "b"'] }],
  [['--topic=a,'], { topic: ['a', ''] }],
  [['--topic='], { topic: [] }],
  [['--topic=a\nb'], { topic: ['a'] }],
  [['before', '--port', '1', 'between', '-w', '-'], { port: 1, websocket: true }],
  [['--', '--port', '1'], {}],
];

/** What it said of these. */
const REFUSED: readonly (readonly [args: readonly string[], message: string])[] = [
  [['--nope'], 'unknown flag: --nope'],
  [['--nope=secret'], 'unknown flag: --nope'],
  [['-x'], "unknown shorthand flag: 'x' in -x"],
  [['-lx', '-z'], "unknown shorthand flag: 'z' in -z"],
  [['-wx'], "unknown shorthand flag: 'x' in -x"],
  [['---x'], 'bad flag syntax: ---x'],
  [['--=x'], 'bad flag syntax: --=x'],
  [['--port'], 'flag needs an argument: --port'],
  [['-p'], "flag needs an argument: 'p' in -p"],
  [
    ['--concurrency=x'],
    'invalid argument "x" for "-c, --concurrency" flag: strconv.ParseUint: parsing "x": invalid syntax',
  ],
  [['--port=-1'], 'invalid argument "-1" for "-p, --port" flag: strconv.ParseUint: parsing "-1": invalid syntax'],
  [
    ['--port=18446744073709551616'],
    'invalid argument "18446744073709551616" for "-p, --port" flag: strconv.ParseUint: parsing "18446744073709551616": value out of range',
  ],
  [['--stake=x'], 'invalid argument "x" for "--stake" flag: strconv.ParseInt: parsing "x": invalid syntax'],
  [['--cpu=x'], 'invalid argument "x" for "--cpu" flag: strconv.ParseFloat: parsing "x": invalid syntax'],
  [
    ['--websocket=maybe'],
    'invalid argument "maybe" for "-w, --websocket" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
  ],
  [
    ['--topic="a'],
    'invalid argument "\\"a" for "--topic" flag: parse error on line 1, column 3: extraneous or missing " in quoted-field',
  ],
  [
    ['--topic=a"b'],
    'invalid argument "a\\"b" for "--topic" flag: parse error on line 1, column 2: bare " in non-quoted-field',
  ],
];

suite('flags as pflag reads them', () => {
  for (const [args, values] of TAKEN) {
    test(`takes ${JSON.stringify(args.join(' '))}`, () => assert.deepEqual(given(...args), values));
  }

  for (const [args, message] of REFUSED) {
    test(`refuses ${args.join(' ')}`, () => {
      assert.throws(
        () => given(...args),
        (error: unknown) => error instanceof FlagError && error.message === message,
      );
    });
  }

  test('names of JavaScript are no flags', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      assert.throws(() => given(`--${name}`), new RegExp(`^FlagError: unknown flag: --${name}$`));
    }
  });

  test('counts what is no flag, and ends at a request for help', () => {
    assert.equal(parseFlags(FLAGS, ['a', '-w', 'b', '--', '-x', 'c']).others, 4);
    assert.deepEqual(parseFlags(FLAGS, ['-w', '--help', '--nope']).help, true);
    assert.deepEqual(parseFlags(FLAGS, ['-wh']).help, true);
    assert.deepEqual(parseFlags(FLAGS, ['--', '--help']).help, false);
  });

  test('lays out its table as pflag does', () => {
    assert.equal(
      usage('allora-x', FLAGS),
      `Usage of allora-x:
  -l, --log-level string   level (default "info")
  -c, --concurrency uint   how many (default 10)
  -p, --port uint          port
      --stake int          stake
      --cpu float          share
  -w, --websocket          by websocket
      --topic strings      topics
`,
    );
  });
});
