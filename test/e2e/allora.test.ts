import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { processesWith } from '../services/cgi/extensions.ts';
import { compile } from '../support/asc.ts';
import { type GuestOptions, type GuestResult, openTestRuntime, runIn } from '../support/run-guest.ts';

const python = spawnSync('python3', ['--version']).status === 0;
const ENV = { ALLORA_ARG_PARAMS: 'ETH', TOPIC_ID: '7', ALLORA_BLOCK_HEIGHT_CURRENT: '1234' };

suite("a function with the calls of Allora's, built from npm's @blockless/sdk", {
  skip: !python && 'no python3',
}, () => {
  let wasm: Uint8Array;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'inferbase-allora-'));
    wasm = await compile(new URL('./assembly/allora-client/', import.meta.url));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function run(
    script: string,
    { flags = {}, ...options }: GuestOptions & { flags?: Record<string, unknown> } = {},
  ): Promise<GuestResult & { log: string }> {
    const path = join(folder, 'main.py');
    await writeFile(path, script);
    const runtime = await openTestRuntime({ 'extensions.allora.script': path, ...flags });
    try {
      const result = await runIn(runtime, wasm, { env: ENV, ...options });
      return { ...result, log: runtime.logLines.join('') };
    } finally {
      await runtime.close();
    }
  }

  test('prints what main.py printed on both streams', async () => {
    const script = [
      'import json, os, sys, time',
      'print(json.dumps({"infererValue": "3213.45"}), end="", flush=True)',
      'time.sleep(0.3)',
      'print(" and", sys.argv[1:], sorted(os.environ), end="", file=sys.stderr)',
    ].join('\n');
    const { stdout, stderr, exitCode } = await run(script);
    // Python may add the locale it chose.
    assert.match(
      stdout,
      /^\{"infererValue": "3213\.45"\} and \['7', 'ETH'\] \['INFERBASE_EXTENSION', ('LC_CTYPE', )?'PATH'.*\]\n$/,
    );
    assert.deepEqual([stderr, exitCode], ['', 0]);
  });

  test("gives main.py those variables of the node that the operator named, and the model server's address", async () => {
    const variables = { INFERENCE_API_ADDRESS: 'http://inference:8000', SOME_KEY: 'k', SOME_SECRET: 's' };
    Object.assign(process.env, variables);
    try {
      const script =
        'import os\nprint([os.environ.get(n) for n in ("INFERENCE_API_ADDRESS", "SOME_KEY", "SOME_SECRET")])';
      assert.equal((await run(script)).stdout, "['http://inference:8000', None, None]\n\n");
      const flags = { 'extensions.allora.env': ['SOME_KEY', 'NOT_SET', 'PATH'] };
      assert.equal((await run(script, { flags })).stdout, "[None, 'k', None]\n\n");
    } finally {
      for (const name of Object.keys(variables)) delete process.env[name];
    }
  });

  for (const [order, expected] of [
    ['v0.1.2', ['ETH é', '7']],
    ['v0.1.4', ['7', 'ETH é']],
    ['v0.2.0', ['7', '1234', '', 'ETH é']],
  ] as const) {
    test(`gives main.py the arguments of ${order}, with text beyond ASCII`, async () => {
      const { stdout } = await run('import json, sys\nprint(json.dumps(sys.argv[1:]))', {
        flags: { 'extensions.allora.argvOrder': order },
        env: { ...ENV, ALLORA_ARG_PARAMS: 'ETH é' },
      });
      assert.deepEqual(JSON.parse(stdout), expected);
    });
  }

  test('prints that main.py failed, and the log has what it said', async () => {
    const { stdout, exitCode, log } = await run('raise ValueError("no data for ETH")');
    assert.deepEqual([stdout, exitCode], ['Error running script: exit status 1\n\n', 0]);
    assert.match(log, /no data for ETH/);
  });

  test('prints why a request cannot be read', async () => {
    const { stdout } = await run('print("never")', { env: { ...ENV, ALLORA_ARG_PARAMS: '{"a": 1}' } });
    assert.match(stdout, /^Error parsing JSON: /);
  });

  test('ends main.py at the deadline', async () => {
    const { cause } = await run('import time\ntime.sleep(30)  # marked', { limits: { deadlineMs: 1_500 } });
    assert.equal(cause, 'deadline');
    assert.deepEqual(await processesWith(join(folder, 'main.py')), []);
  });

  test('says that there is no extension where the operator offers none', async () => {
    const runtime = await openTestRuntime();
    try {
      const { stdout } = await runIn(runtime, wasm, { env: ENV });
      assert.equal(stdout, 'error: inference extension not available, source: cgi-allora-infer\n');
    } finally {
      await runtime.close();
    }
  });
});
