import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { guest } from '../../support/wat.ts';
import { type Finished, run, temporaryFolder } from '../command.ts';

/** As processes of other tests have the usual ones. */
export const ANY_PORTS = ['--listen-api', '127.0.0.1:0', '--head-port', '0', '--worker-port', '0'];

export interface Process {
  readonly role: 'model' | 'head' | 'worker';
  readonly pid: number;
  readonly running: boolean;
  readonly ready: boolean;
  readonly reason: string | null;
  readonly url: string | null;
  readonly p2p: string | null;
  readonly peerId: string | null;
  readonly topics: readonly string[];
  readonly workers?: Record<string, string[]>;
}

export interface Project extends AsyncDisposable {
  readonly path: string;
  run(...args: string[]): Promise<Finished>;
  status(): Promise<{ code: number | null; of: (role: string) => Process }>;
}

/** A new project. */
export async function project(...args: string[]): Promise<Project> {
  const folder = await temporaryFolder();
  const made = await run(['init', 'price-feed', ...args], folder.path);
  assert.equal(made.code, 0, made.stderr);
  return at(join(folder.path, 'price-feed'), folder);
}

/** A folder whose function is there as a module: nothing is compiled. */
export async function folderWith(modelServer: string): Promise<Project> {
  const folder = await temporaryFolder();
  await writeFile(join(folder.path, 'exit-three.wasm'), await guest('exit-three'));
  await writeFile(join(folder.path, 'inferbase.yaml'), 'function: {name: told, module: exit-three.wasm}');
  await mkdir(join(folder.path, 'model-server'));
  await writeFile(join(folder.path, 'model-server/server.mjs'), modelServer);
  return at(folder.path, folder);
}

/** Commands in a folder; disposed of, nothing of it runs. */
function at(path: string, folder: AsyncDisposable): Project {
  return {
    path,
    run: (...words) => run(words, path),
    async status() {
      const { code, stdout } = await run(['status', '--json'], path);
      const { processes } = JSON.parse(stdout) as { processes: Process[] };
      return {
        code,
        of: (role) => processes.find((one) => one.role === role) ?? assert.fail(`no ${role} in ${stdout}`),
      };
    },
    async [Symbol.asyncDispose]() {
      await run(['terminate'], path);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** What a shell makes of the curl that was printed. */
export function paste(stdout: string): { code: string; results: { result: { stdout: string }; peers: string[] }[] } {
  const [curl = ''] = /^curl [\s\S]*?^\}'$/m.exec(stdout) ?? [];
  const { stdout: answer, stderr } = spawnSync('bash', ['-c', `${curl} --silent --show-error`], { encoding: 'utf8' });
  return JSON.parse(answer || assert.fail(`${curl}\n${stderr}`));
}

/** Records, locks and temporary files of a project's processes. */
export async function leftovers(path: string): Promise<string[]> {
  const names = await readdir(join(path, 'nodes'), { recursive: true }).catch(() => []);
  return names.filter((name) => !name.includes('.inferbase/') && /process\.json|\.lock|\.tmp$/.test(name));
}
