import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile } from './run-sdk.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const IMPORT =
  'import { args, cgi, env, http, JSON, JSONValue, log, model, output, percentEncode, random, stdin, time } from "inferbase/sdk";\n';

test('every example of the README compiles as it stands', async () => {
  const readme = await readFile(join(ROOT, 'sdk/README.md'), 'utf8');
  const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code ?? '');
  assert.ok(examples.length > 20, `${examples.length} examples`);
  const folder = await mkdtemp(join(tmpdir(), 'inferbase-readme-'));
  try {
    await cp(join(ROOT, 'sdk'), join(folder, 'node_modules/inferbase/sdk'), { recursive: true });
    await symlink(join(ROOT, 'node_modules/assemblyscript'), join(folder, 'node_modules/assemblyscript'));
    const entries = examples.map((_, index) => `example-${index}.ts`);
    await Promise.all(
      examples.map((code, index) =>
        writeFile(join(folder, `example-${index}.ts`), code.includes('import {') ? code : IMPORT + code),
      ),
    );
    const config = ['--config', 'node_modules/inferbase/sdk/asconfig.json', '-o', 'examples.wasm'];
    const { ok, log } = await compile([...entries, ...config], folder);
    assert.ok(ok, log);
    assert.equal(log, '');
  } finally {
    await rm(folder, { recursive: true });
  }
});
