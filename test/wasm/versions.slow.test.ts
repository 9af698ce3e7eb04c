import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cleanEnv, mustRun, runCommand, temporaryFolder } from '../packaging/commands.ts';
import { ROOT } from '../source-files.ts';

/** The oldest Node that is supported. */
const OLDEST = '24.21.0';
const PROGRAMS = '300';

/** Installs that Node in a folder. @returns its path, or why it could not be had */
function installOldest(folder: string): { node: string } | { why: string } {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "allowScripts": { "node": true } }');
  const env = cleanEnv();
  try {
    const installed = runCommand('npm', ['install', '--silent', '--prefix', folder, `node@${OLDEST}`], { env });
    if (installed.code !== 0) return { why: `npm install node@${OLDEST} ended with ${installed.code}` };
    const node = join(folder, 'node_modules/node/bin/node');
    const { code, stdout } = runCommand(node, ['--version'], { env });
    return code === 0 && stdout.trim() === `v${OLDEST}` ? { node } : { why: `node@${OLDEST} does not start` };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

test('programs are rewritten the same, and use the same fuel, on the oldest Node and on this one', async (t) => {
  const folder = await temporaryFolder();
  t.after(() => folder.remove());
  const oldest = installOldest(folder.path);
  if ('why' in oldest) {
    t.skip(oldest.why);
    return;
  }
  const script = join(ROOT, 'test/wasm/fuel-of-programs.ts');
  const [there, here] = [oldest.node, process.execPath].map(
    (node) => JSON.parse(mustRun(node, [script, PROGRAMS]).stdout) as { version: string; rows: unknown[] },
  );
  assert.equal(there?.version, `v${OLDEST}`);
  assert.equal(there?.rows.length, Number(PROGRAMS));
  assert.deepEqual(there?.rows, here?.rows);
});
