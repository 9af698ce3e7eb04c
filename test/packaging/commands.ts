import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ROOT } from '../source-files.ts';
import { removeFolder } from '../support/remove-folder.ts';

/** `PATH` as a user's shell has it: npm scripts put `node_modules/.bin` before it, and with it this project's Node. */
export const USER_PATH: string = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter);

/** `PATH` on which `node` is the Node that runs the tests. */
export const NEW_NODE_PATH: string = [dirname(process.execPath), USER_PATH].join(delimiter);

/** The environment of a command that must not see settings of ours or of npm's. */
export function cleanEnv(over: Readonly<Record<string, string>> = {}): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(?:INFERBASE_|npm_|NODE_(?!EXTRA_CA_CERTS))/i.test(name)) env[name] = value;
  }
  return { ...env, PATH: NEW_NODE_PATH, ...over };
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, at most `timeoutMs`. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; timeoutMs?: number } = {},
): Finished {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: options.cwd ?? ROOT,
    env: options.env ?? cleanEnv(),
    encoding: 'utf8',
    timeout: options.timeoutMs ?? 300_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}

/** Like `runCommand`, but anything else than exit code 0 is an error that shows the output. */
export function mustRun(...args: Parameters<typeof runCommand>): Finished {
  const finished = runCommand(...args);
  if (finished.code === 0) return finished;
  const [command, words] = args;
  throw new Error(`${command} ${words.join(' ')} ended with ${finished.code}\n${finished.stdout}\n${finished.stderr}`);
}

/** A temporary folder and the function that removes it. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'inferbase-packaging-'));
  return { path, remove: () => removeFolder(path) };
}

export interface Service {
  /** Its process, as long as nothing stands between us and it. */
  readonly pid: number;
  /** All it has written so far, both streams. */
  output(): string;
  /** Waits until its output matches. Rejects when it ends before, or after `timeoutMs`. */
  until(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Sends SIGTERM, after ten seconds SIGKILL, and waits for the end; returns the exit code. */
  stop(): Promise<number | null>;
}

/** Starts a process that keeps running, in a process group of its own: what it started ends with it. */
export function startService(
  command: string,
  args: readonly string[],
  options: { cwd: string; env: Record<string, string>; uid?: number },
): Service {
  const { cwd, env, uid } = options;
  const identity = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...identity });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  const ended = once(child, 'exit');
  const pid = child.pid ?? 0;
  return {
    pid,
    output: () => text,
    async until(pattern, timeoutMs = 30_000) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const match = pattern.exec(text);
        if (match !== null) return match;
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended: ${text}`);
        if (Date.now() > deadline) throw new Error(`no ${pattern} in ${timeoutMs} ms: ${text}`);
        await setTimeout(2);
      }
    },
    async stop() {
      child.kill('SIGTERM');
      const killer = new AbortController();
      const impatience = setTimeout(10_000, undefined, { signal: killer.signal }).then(
        () => child.kill('SIGKILL'),
        () => false,
      );
      await ended;
      killer.abort();
      await impatience;
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // Nothing of its group is left.
      }
      return child.exitCode;
    },
  };
}
