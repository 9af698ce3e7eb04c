import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { InferbaseError } from '../core/errors.ts';
import { aborted } from './interrupt.ts';

export interface ModelServer {
  readonly url: string;
  /** What it said while it started. */
  readonly lines: readonly string[];
  /** Asks it to end and waits for that. */
  close(): Promise<void>;
}

const LISTENING = /^model server listening on (http:\S+)$/;
/** Time it may take to end by itself, in ms. */
const GRACE_MS = 2_000;

/** Ends the child with us, even when we are killed and cannot tell it. */
const FOLLOW_PARENT = 'process.on("disconnect",()=>process.exit()).channel?.unref()';

/**
 * Starts the example model server as a process of its own. It ends on every way this process may end.
 * @param script absolute path of its entry
 * @param port 0 for any free one
 * @throws InferbaseError ERR_INTERNAL with its own words when it does not start
 */
export async function startModelServer(
  script: string,
  { host, port, signal }: { host: string; port: number; signal: AbortSignal },
): Promise<ModelServer> {
  const args = ['--import', `data:text/javascript,${encodeURIComponent(FOLLOW_PARENT)}`, script];
  const child = spawn(process.execPath, [...args, '--host', host, '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Upstreams' secrets may be in our environment; it needs none of them.
    env: process.env.PATH === undefined ? {} : { PATH: process.env.PATH },
  });
  const killNow = (): void => void child.kill('SIGKILL');
  process.once('exit', killNow);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  void ended.then(() => process.off('exit', killNow));
  const close = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(killNow, GRACE_MS);
    await ended;
    clearTimeout(timer);
  };
  try {
    return { ...(await listening(child, signal)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function listening(child: ChildProcess, signal: AbortSignal): Promise<{ url: string; lines: readonly string[] }> {
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    void aborted(signal).then(() => reject(new InferbaseError('ERR_CANCELLED', 'interrupted')));
    child.once('error', reject);
    child.once('close', () => {
      reject(
        new InferbaseError('ERR_INTERNAL', 'the model server did not start; see what it said', { details: lines }),
      );
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        const url = LISTENING.exec(line)?.[1];
        if (url !== undefined) resolve({ url, lines });
        else if (lines.length < 100) lines.push(line);
      });
    }
  });
}

/** Whether one can listen at an address. */
export function isFree(host: string, port: number): Promise<boolean> {
  return tryListening(host, port).then(
    () => true,
    () => false,
  );
}

/**
 * Listens at an address for a moment.
 * @throws the system's error, such as `EADDRINUSE`
 */
export function tryListening(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}
