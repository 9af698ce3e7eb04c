import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, rename } from 'node:fs/promises';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../core/folder.ts';
import { threadUrl } from '../../core/thread-url.ts';
import { birthOf } from './birth.ts';
import { endProcess } from './end-process.ts';
import { type ProcessRecord, removeRecord, writeRecord } from './record.ts';
import { type LocalRole, logPath, oldLogPath, roleFolder } from './role.ts';
import { STAY } from './stay.ts';

export interface LocalStart {
  readonly role: LocalRole;
  /** Absolute path of what Node is to run. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly about: Pick<ProcessRecord, 'url' | 'p2p' | 'peerId' | 'topics' | 'dataDir' | 'options'>;
}

/** A process that ends with this one until it is told to stay. */
export interface StartedProcess {
  readonly role: LocalRole;
  readonly record: ProcessRecord;
  /** How it ended, such as `code 1`; `undefined` while it runs. */
  exit(): string | undefined;
  /** From now on it outlives this process. */
  keep(): Promise<void>;
  /** Ends it, and forgets it. */
  end(): Promise<void>;
}

/**
 * Starts a process of a project in the background: in a session of its own, so that no Ctrl-C of this terminal reaches
 * it, with a new log.
 * @param root of the project: where it runs
 */
export async function startProcess(root: string, start: LocalStart): Promise<StartedProcess> {
  const { role, script, args, env, about } = start;
  const log = logPath(root, role);
  await makeFolder(roleFolder(root, role));
  await rename(log, oldLogPath(log)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await using output = await open(log, 'ax', 0o600);
  const child = spawn(process.execPath, [fileURLToPath(threadUrl('cli/local/child')), log, script, ...args], {
    cwd: root,
    env,
    detached: true,
    stdio: ['ignore', output.fd, output.fd, 'ipc'],
  });
  const { pid } = child;
  if (pid === undefined) throw (await once(child, 'error'))[0];
  // At once: as long as nobody has asked how it ended, its number is nobody else's.
  const birth = birthOf(pid) ?? '';
  let exit: string | undefined;
  child.once('exit', (code, signal) => {
    exit = signal ?? `code ${code}`;
  });
  // Of messages to one that has ended.
  child.on('error', () => {});
  const record: ProcessRecord = { version: 1, pid, birth, since: new Date().toISOString(), ...about };
  const end = async (): Promise<void> => {
    await endProcess(record);
    await removeRecord(root, role);
  };
  try {
    await writeRecord(root, role, record);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    role,
    record,
    exit: () => exit,
    end,
    async keep() {
      await new Promise<void>((resolve) => child.send(STAY, () => resolve()));
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}
