import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { request } from 'undici';
import { type Running, start } from '../cli/command.ts';
import { importFiles } from '../store/support.ts';
import { guest } from '../support/wat.ts';

/** A node as a process, with a data folder of its own. */
export interface NodeProcess {
  readonly name: string;
  readonly dir: string;
  /** URL of its API. */
  readonly api: string;
  /** Multiaddr with peer id. */
  readonly address: string;
  readonly peerId: string;
  readonly process: Running;
}

export interface NodeInit {
  /** Folder of this node; `.inferbase/` in it outlives the process. */
  readonly dir: string;
  readonly role: 'head' | 'worker';
  readonly args?: readonly string[];
  /** Guests that it has. */
  readonly guests?: readonly string[];
  /** What its command line begins with. */
  readonly under?: readonly string[];
}

/** Starts a node on loopback; killed after the test. Given the folder of one that ended, it is the same node again. */
export async function startNode(t: TestContext, init: NodeInit): Promise<NodeProcess> {
  const { dir, role, args = [], guests = [], under = [] } = init;
  const functions = join(dir, 'functions');
  await mkdir(functions, { recursive: true });
  for (const name of guests) await writeFile(join(functions, `${name}.wasm`), await guest(name));
  const fixed = ['--role', role, '--listen-api', '127.0.0.1:0', '--functions-dir', 'functions'];
  const listen = args.includes('--peers-listen') ? [] : ['--peers-listen', '/ip4/127.0.0.1/tcp/0'];
  const process = start(['serve', ...fixed, ...listen, ...args], dir, {}, under);
  t.after(async () => {
    process.kill('SIGKILL');
    await process.finished;
  });
  const [, peerId = ''] = await process.until(/^peer id (\S+)$/m);
  const [, address = ''] = await process.until(/^peer address (\S+)$/m);
  const [, api = ''] = await process.until(/^API (\S+)$/m);
  return { name: dir, dir, api, address, peerId, process };
}

/** CID of `test/guests/NAME`, as every node makes it. */
export async function cidOf(name: string): Promise<string> {
  return (await importFiles({ '': await guest(name) })).cid.toString();
}

export interface Reply {
  readonly code: string;
  readonly request_id: string;
  readonly message?: string;
  readonly results?: readonly {
    readonly result: { readonly stdout: string; readonly stderr: string; readonly exit_code: number };
    readonly peers: readonly string[];
    readonly frequency: number;
    readonly metadata?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }[];
  readonly cluster: { readonly peers?: readonly string[] };
}

export interface Asked {
  readonly topic?: string;
  /** `number_of_nodes`; default 1. */
  readonly nodes?: number;
  readonly config?: object;
}

async function post(
  node: Pick<NodeProcess, 'api'>,
  path: string,
  body: object,
): Promise<{ status: number; text: string }> {
  const answer = await request(`${node.api}/api/v1/functions/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

/** Posts an execute request. */
export async function execute(node: Pick<NodeProcess, 'api'>, cid: string, asked: Asked = {}): Promise<Reply> {
  const { topic = '1', nodes = 1, config = {} } = asked;
  const body = { function_id: cid, method: 'f.wasm', topic, config: { number_of_nodes: nodes, ...config } };
  const { text } = await post(node, 'execute', body);
  return JSON.parse(text) as Reply;
}

/** The results that a head has kept of a request; `null`: it knows of none. */
export async function resultsOf(
  node: Pick<NodeProcess, 'api'>,
  id: string,
): Promise<Readonly<Record<string, { readonly code: string; readonly result: { readonly stdout: string } }>> | null> {
  const { status, text } = await post(node, 'requests/result', { id });
  return status === 404 ? null : JSON.parse(text);
}

/** Asks again until the reply is what is waited for; nodes find each other when they can. */
export async function executeUntil(
  node: Pick<NodeProcess, 'api'>,
  cid: string,
  asked: Asked,
  holds: (reply: Reply) => boolean,
): Promise<Reply> {
  const late = performance.now() + 90_000;
  for (;;) {
    const reply = await execute(node, cid, asked);
    if (holds(reply)) return reply;
    if (performance.now() > late) throw new Error(`never came: ${JSON.stringify(reply)}`);
    await setTimeout(100);
  }
}
