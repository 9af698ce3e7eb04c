import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '../support/remove-folder.ts';
import { untilWritten } from '../support/until.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
const LAUNCHER = join(ROOT, 'runtime', 'inferbase.js');

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  /** Waits until stdout matches; rejects when the command ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** The same of stderr, where a node logs. */
  untilLogged(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  readonly pid: number | undefined;
  readonly finished: Promise<Finished>;
}

/** Environment of a command: none of the tests' own but what starts it. */
function environment(env: Readonly<Record<string, string>>): Record<string, string> {
  return { PATH: process.env.PATH ?? '', ...env };
}

/**
 * Starts a command of ours as a process without a terminal, in `cwd`.
 * @param under what the command line begins with, such as `nsenter` and its arguments
 */
export function start(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  under: readonly string[] = [],
): Running {
  const [command, ...rest] = [...under, process.execPath, LAUNCHER, ...args] as [string, ...string[]];
  const child = spawn(command, rest, { cwd, env: environment(env), stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  child.stdin.end();
  // A test that fails halfway leaves nothing running.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const finished = once(child, 'close').then(() => {
    process.off('exit', kill);
    return { code: child.exitCode, stdout, stderr };
  });
  const all = (): string => stdout + stderr;
  return {
    finished,
    pid: child.pid,
    kill: (signal) => void child.kill(signal),
    until: (pattern) => untilWritten({ stdout: child.stdout, text: () => stdout, finished, all }, pattern),
    untilLogged: (pattern) => untilWritten({ stdout: child.stderr, text: () => stderr, finished, all }, pattern),
  };
}

/** Runs a command to its end; `input` is its stdin. */
export async function run(
  args: readonly string[],
  cwd: string,
  { env = {}, input = '' }: { env?: Readonly<Record<string, string>>; input?: string | Uint8Array } = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], { cwd, env: environment(env), stdio: 'pipe' });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.stderr.on('data', (chunk) => err.push(chunk));
  // A command that never reads its input closes it early.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  await once(child, 'close');
  return { code: child.exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** Runs a line of shell in which `inferbase` is ours. */
export async function shell(line: string, cwd: string): Promise<Finished> {
  const script = `inferbase() { "${process.execPath}" "${LAUNCHER}" "$@"; }\n${line}`;
  const child = spawn('bash', ['-c', script], { cwd, env: environment({}), stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}

/** A new empty folder, removed when disposed of. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'inferbase-cli-'));
  return { path, [Symbol.asyncDispose]: () => removeFolder(path) };
}
