import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { blocklessPackage, type Member } from '../store/support.ts';
import { freePort } from '../support/free-port.ts';
import { generateKey } from '../support/peer-key.ts';
import { untilWritten } from '../support/until.ts';

/** Dialects of the b7s wire, by the letters of their test variables. */
export type Dialect = 'A' | 'B' | 'C';

export interface GoNode {
  /** Multiaddr with peer id. */
  readonly address: string;
  readonly peerId: string;
  /** URL of a head's REST API. */
  readonly api: string;
  readonly dir: string;
  /** What it has written so far, without colours. */
  log(): string;
  kill(): Promise<void>;
}

export interface GoNodeInit {
  readonly program: string;
  readonly dialect: Dialect;
  readonly role: 'head' | 'worker';
  /** Its key and databases; given the folder of one that ended, it is the same node again. */
  readonly dir: string;
  readonly bootNodes?: readonly string[];
  readonly topics?: readonly string[];
  /** Default: any. */
  readonly port?: number;
  /** Variable `ECHO_WORKER` of its process: what its runtime says it is. */
  readonly name?: string;
  /** In PBFT it hears nothing and says nothing of itself. */
  readonly byzantine?: boolean;
}

/**
 * Stands in for the runtime of the Go nodes, with their command line: prints what it was given. Request variables
 * ECHO_STDOUT, ECHO_SLEEP and ECHO_EXIT have it print just that, take some seconds, and end with that code.
 */
const RUNTIME = `#!/bin/sh
input=$1; shift
while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
[ $# -gt 0 ] && shift
[ -n "$ECHO_SLEEP" ] && sleep "$ECHO_SLEEP"
if [ -n "$ECHO_STDOUT" ]; then printf '%s' "$ECHO_STDOUT"
else
  printf '%s %s [%s] TOPIC_ID=%s stdin=' "$ECHO_WORKER" "$(basename "$input")" "$*" "$TOPIC_ID"
  cat
fi
exit "\${ECHO_EXIT:-0}"
`;

/** Starts a Go node on loopback; killed after the test. */
export async function startGoNode(t: TestContext, init: GoNodeInit): Promise<GoNode> {
  const { program, dialect, role, dir, bootNodes = [], topics = [], port = 0, name = '', byzantine = false } = init;
  const runtime = join(dir, 'runtime');
  await mkdir(join(runtime, 'extensions'), { recursive: true });
  await writeFile(join(runtime, 'bls-runtime'), RUNTIME);
  await chmod(join(runtime, 'bls-runtime'), 0o755);
  const key = join(dir, 'priv.bin');
  await access(key).catch(() => writeFile(key, generateKey()));

  const rest = role === 'head' ? await freePort() : 0;
  const databases = dialect === 'A' ? ['--peer-db', 'peer-db', '--function-db', 'function-db'] : ['--db', 'db'];
  const list = (flag: string, values: readonly string[]): string[] => (values.length > 0 ? [flag, values.join()] : []);
  const args = [
    ...['--role', role, '--log-level', 'debug', '--address', '127.0.0.1', '--port', `${port}`],
    ...['--private-key', key, '--workspace', 'workspace', ...databases],
    ...list('--boot-nodes', bootNodes),
    ...list(dialect === 'A' ? '--topic' : '--topics', topics),
    ...(role === 'head'
      ? ['--rest-api', `127.0.0.1:${rest}`]
      : ['--runtime-path', runtime, '--runtime-cli', 'bls-runtime']),
  ];
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: dir,
    ECHO_WORKER: name,
    ...(byzantine ? { B7S_PBFT_BYZANTINE: 'y' } : {}),
  };
  const child = spawn(program, args, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += String(chunk);
    });
  }
  const finished = once(child, 'close').then(() => ({ code: child.exitCode }));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await finished;
  };
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  t.after(async () => {
    await kill();
    process.off('exit', onExit);
  });
  // Dialect A writes its log to stderr, in colour.
  const stdout = dialect === 'A' ? child.stderr : child.stdout;
  const pattern =
    /created host.*?(\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/(\w+))|(\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/(\w+)).*created host/;
  const writing = { stdout, text: () => text, finished, all: () => text };
  const match = await untilWritten(writing, pattern);
  if (role === 'head') await untilListening(rest);
  return {
    address: match[1] ?? match[3] ?? '',
    peerId: match[2] ?? match[4] ?? '',
    api: `http://127.0.0.1:${rest}`,
    dir,
    log: () => stripVTControlCharacters(text),
    kill,
  };
}

/** Waits until connections are taken; a Go head says that it listens before it does. */
async function untilListening(port: number): Promise<void> {
  for (let left = 300; ; left -= 1) {
    const socket = connect(port, '127.0.0.1');
    const taken = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (taken) return;
    if (left === 0) throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Serves one function on loopback as the Go nodes install it: a manifest and an archive.
 * @returns URL of the manifest
 */
export async function serveManifest(t: TestContext, file: Member): Promise<string> {
  const files = blocklessPackage([file]);
  const server = createServer(({ url }, response) => {
    response.end(url === '/manifest.json' ? files['manifest.json'] : files['f.tar.gz']);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/manifest.json`;
}
