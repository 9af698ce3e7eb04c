import { chmod, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { removeFolder } from '../../support/remove-folder.ts';
import { openTestRuntime } from '../../support/run-guest.ts';

export type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;

/** A shell script that says it is the extension `alias` and otherwise runs `body`. */
export function extension(alias: string, body: string): string {
  const answer = JSON.stringify({ alias, description: `says it is ${alias}`, is_cgi: true });
  return `#!/bin/sh\nif [ "$1" = --ext_verify ]; then echo '${answer}'; exit 0; fi\n${body}\n`;
}

/** A folder of executable files, removed after the test. */
export async function folderOf(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'inferbase-extensions-'));
  t.after(() => removeFolder(folder));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

/** A runtime whose extensions folder has these files; closed after the test. */
export async function openWithExtensions(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  flags: Readonly<Record<string, unknown>> = {},
): Promise<TestRuntime & { folder: string }> {
  const folder = await folderOf(t, files);
  const runtime = await openTestRuntime({ 'extensions.dir': folder, ...flags });
  t.after(() => runtime.close());
  return { ...runtime, folder };
}

/** Process ids whose command line has this text; empty once `wanted` of them are left, looked at for a while. */
export async function processesWith(text: string, wanted = 0): Promise<number[]> {
  for (let attempt = 0; ; attempt++) {
    const found: number[] = [];
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      const state = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => ') Z');
      if (line.includes(text) && !/\) Z/.test(state)) found.push(Number(name));
    }
    if (found.length === wanted || attempt === 40) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
