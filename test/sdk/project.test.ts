import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile, runModule } from './run-sdk.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const program = (from: string) =>
  `import { env, output, JSONValue } from "${from}";\n` +
  'output.json(JSONValue.object().set("infererValue", env.getOr("VALUE", "none")));\n' +
  'console.log("done");\n';

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

async function inEmptyFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'inferbase-project-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function buildAndRun(folder: string, argv: readonly string[], wasm: string): Promise<Uint8Array> {
  const { ok, log } = await compile(argv, folder);
  assert.ok(ok, log);
  assert.equal(log, '', 'the compiler warns of nothing');
  const bytes = await readFile(join(folder, wasm));
  const run = runModule(await WebAssembly.compile(bytes), { env: { VALUE: '3213.45' } });
  assert.deepEqual([run.stdout, run.stderr, run.exitCode], ['{"infererValue":"3213.45"}', 'done\n', 0]);
  assert.ok(
    run.imports.every((name) => name.startsWith('wasi_snapshot_preview1.') || name.startsWith('blockless_')),
    run.imports.join(' '),
  );
  return bytes;
}

test('a fresh project builds against the package by name', async () => {
  for (const from of ['inferbase/sdk', 'inferbase/sdk/assembly']) {
    await inEmptyFolder(async (folder) => {
      await cp(join(ROOT, 'sdk'), join(folder, 'node_modules/inferbase/sdk'), { recursive: true });
      await symlink(join(ROOT, 'node_modules/assemblyscript'), join(folder, 'node_modules/assemblyscript'));
      await write(folder, {
        'asconfig.json': JSON.stringify({
          extends: './node_modules/inferbase/sdk/asconfig.json',
          entries: ['assembly/index.ts'],
          targets: { release: { outFile: 'build/index.wasm' }, debug: { outFile: 'build/debug.wasm' } },
        }),
        'assembly/index.ts': program(from),
      });
      const release = await buildAndRun(folder, [], 'build/index.wasm');
      if (from !== 'inferbase/sdk') return;
      const debug = await buildAndRun(folder, ['--target', 'debug'], 'build/debug.wasm');
      assert.ok(release.length < debug.length, 'release is optimised, debug is not');
    });
  }
});

test('a function of this repository builds by relative path, twice to the same bytes', async () => {
  await inEmptyFolder(async (folder) => {
    await cp(join(ROOT, 'sdk'), join(folder, 'sdk'), { recursive: true });
    await cp(join(ROOT, 'asconfig.json'), join(folder, 'asconfig.json'));
    await write(folder, {
      'functions/price/asconfig.json': JSON.stringify({
        extends: '../../asconfig.json',
        entries: ['assembly/index.ts'],
        targets: { release: { outFile: 'build/price.wasm' } },
      }),
      'functions/price/assembly/index.ts': program('../../../sdk/assembly'),
    });
    const home = join(folder, 'functions/price');
    const first = await buildAndRun(home, [], 'build/price.wasm');
    assert.deepEqual(await buildAndRun(home, [], 'build/price.wasm'), first);
  });
});
