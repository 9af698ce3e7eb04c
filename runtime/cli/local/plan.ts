import { join } from 'node:path';
import process from 'node:process';
import { parseListenAddress } from '../../config/listen.ts';
import type { LoadedSettings } from '../../config/load.ts';
import { whyNoEffect } from '../../config/role-effects.ts';
import { loadIdentity } from '../../services/identity.ts';
import { findPackage } from '../package-root.ts';
import { settingsArguments } from '../settings-flags.ts';
import type { LocalProject } from './project.ts';
import type { LocalOptions } from './record.ts';
import { type LocalRole, roleFolder } from './role.ts';
import type { LocalStart } from './start-process.ts';

/** Where the processes of a project are to listen. */
export interface LocalPlaces {
  /** Of the API, as `listen.api` has it. */
  readonly api: string;
  readonly headPort: number;
  readonly workerPort: number;
  /** URL at which the project's own model server is to answer; `null`: it is not ours to start. */
  readonly model: string | null;
}

/** How each process of a project is started. */
export type LocalPlan = Readonly<Partial<Record<LocalRole, LocalStart>>> &
  Readonly<Record<'head' | 'worker', LocalStart>>;

/** Where a node of the project has its identity, and all of its data but for the functions of the worker. */
export function ownFolder(root: string, role: 'head' | 'worker'): string {
  return join(roleFolder(root, role), '.inferbase');
}

/**
 * Plans head, worker and model server. Identities are made where there are none yet.
 * @param options that the user gave, for all that is started
 */
export async function planProcesses(
  { root, modelScript }: LocalProject,
  { places, loaded, options }: { places: LocalPlaces; loaded: LoadedSettings; options: LocalOptions },
): Promise<LocalPlan> {
  const { settings, origin } = loaded;
  const isApiSet = !['default', '--listen-api'].includes(origin('listen.api'));
  const topics = settings.work.topics.length > 0 ? settings.work.topics : ['1'];
  const head = await address(root, 'head', places.headPort);
  const worker = await address(root, 'worker', places.workerPort);
  // What is pinned in the project, the worker has; and what the worker has, commands in the project find.
  const dataDirs = { head: ownFolder(root, 'head'), worker: settings.dataDir };
  const node = (role: 'head' | 'worker', port: number, args: readonly string[]): LocalStart => ({
    role,
    script: join(findPackage().root, 'runtime', 'inferbase.js'),
    args: [
      'serve',
      // The API is the head's.
      ...settingsArguments(
        { ...options, listenApi: undefined },
        (key) => whyNoEffect(key, { role, peers: { enabled: true } }) === undefined,
      ),
      ...['--role', role],
      ...['--data-dir', dataDirs[role]],
      ...['--key-file', keyFile(root, role)],
      ...['--peers-enabled', 'true'],
      ...['--peers-listen', listenAddress(port)],
      ...args,
    ],
    env: process.env,
    about: {
      url: role === 'head' ? urlOf(places.api) : null,
      p2p: (role === 'head' ? head : worker).address,
      peerId: (role === 'head' ? head : worker).peerId,
      topics: role === 'head' ? [] : topics,
      dataDir: dataDirs[role],
      options,
    },
  });
  const plan = {
    head: node('head', places.headPort, ['--listen-api', places.api]),
    worker: node('worker', places.workerPort, [
      // Where the settings name an address it is the head's; a worker takes one to tell its health at.
      ...(isApiSet ? ['--listen-api', '127.0.0.1:0'] : []),
      ...['--peers-connect', head.address],
      ...['--work-topics', topics.join(',')],
    ]),
  };
  if (places.model === null || modelScript === undefined) return plan;
  return { ...plan, model: modelServer(modelScript, places.model, options) };
}

function modelServer(script: string, url: string, options: LocalOptions): LocalStart {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  // Upstreams' secrets may be among our own settings; it needs none of them.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('INFERBASE_')));
  return {
    role: 'model',
    script,
    args: ['--host', host, '--port', port || '80'],
    env: { ...env, HOST: host, PORT: port || '80' },
    about: { url, p2p: null, peerId: null, topics: [], options },
  };
}

function keyFile(root: string, role: 'head' | 'worker'): string {
  return join(ownFolder(root, role), 'keys', 'priv.bin');
}

function listenAddress(port: number): string {
  return `/ip4/127.0.0.1/tcp/${port}`;
}

async function address(
  root: string,
  role: 'head' | 'worker',
  port: number,
): Promise<{ peerId: string; address: string }> {
  const { peerId } = await loadIdentity(keyFile(root, role), { create: true });
  return { peerId, address: `${listenAddress(port)}/p2p/${peerId}` };
}

/** Where an API that listens there can be asked from here. */
export function urlOf(api: string): string {
  const { host = '127.0.0.1', port = 0 } = parseListenAddress(api) ?? {};
  const own = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${own.includes(':') ? `[${own}]` : own}:${port}`;
}
