import { setTimeout as sleep } from 'node:timers/promises';
import { parseListenAddress } from '../../config/listen.ts';
import type { Settings } from '../../config/settings.ts';
import { InferbaseError } from '../../core/errors.ts';
import { parseTcpAddress } from '../../core/multiaddr.ts';
import { isFree, tryListening } from '../model-server.ts';
import { freePort } from './free-port.ts';
import type { LocalPlaces } from './plan.ts';
import type { LocalProject } from './project.ts';
import type { LocalOptions, ProcessRecord } from './record.ts';
import type { LocalRole } from './role.ts';

export const DEFAULT_PORTS = { head: '9010', worker: '9011' } as const;

/** Where the processes are to listen; port 0 becomes one that is free. */
export async function choosePlaces(
  { modelScript }: LocalProject,
  settings: Settings,
  options: LocalOptions,
): Promise<LocalPlaces> {
  const { host = '', port = 0 } = parseListenAddress(settings.listen.api) ?? {};
  const url = settings.upstreams.model?.url;
  return {
    api: `${host.includes(':') ? `[${host}]` : host}:${port || (await freePort(host))}`,
    headPort: await readPort('--head-port', options.headPort ?? DEFAULT_PORTS.head),
    workerPort: await readPort('--worker-port', options.workerPort ?? DEFAULT_PORTS.worker),
    model: options.model !== false && modelScript !== undefined && url !== undefined && isHere(url) ? url : null,
  };
}

function isHere(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
}

async function readPort(flag: string, text: LocalOptions[string]): Promise<number> {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(String(text)) || port > 65_535) {
    throw new InferbaseError('ERR_INVALID_SETTING', `${flag} ${text} is no port; give a number from 0 to 65535`);
  }
  return port === 0 ? await freePort('127.0.0.1') : port;
}

/**
 * Sees to it that nobody else listens where processes of ours are to.
 * @throws the system's error, such as `EADDRINUSE`, with the `remedy` for its place; of several, the first tells of all
 */
export async function checkPlaces(roles: readonly LocalRole[], places: LocalPlaces): Promise<void> {
  const failed: { readonly error: Error; readonly listener: Listener }[] = [];
  for (const listener of roles.flatMap((role) => listenersOf(role, places))) {
    await tryListening(listener.host, listener.port).catch((error: Error) => failed.push({ error, listener }));
  }
  const [first, ...others] = failed;
  if (first === undefined) return;
  const also = others.map(({ listener: { host, port, flag } }) => `${host}:${port} (${flag})`).join(', ');
  const more =
    also === ''
      ? ''
      : `; the same goes for ${also}: if another project has them, inferbase terminate in its folder ends it`;
  throw Object.assign(first.error, { remedy: `${first.listener.remedy}${more}` });
}

interface Listener {
  readonly host: string;
  readonly port: number;
  /** Option of `run` that names another. */
  readonly flag: string;
  /** What to do where it is taken. */
  readonly remedy: string;
}

/** Addresses that a process of the project listens on. */
function listenersOf(role: LocalRole, { api, headPort, workerPort, model }: LocalPlaces): Listener[] {
  const host = '127.0.0.1';
  switch (role) {
    case 'model': {
      if (model === null) return [];
      const { hostname, port } = new URL(model);
      const remedy =
        'choose another with --upstream model=http://127.0.0.1:PORT, or use the server that is there with --no-model';
      return [{ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80), flag: '--upstream', remedy }];
    }
    case 'head': {
      const rest = {
        host,
        port: 0,
        ...parseListenAddress(api),
        flag: '--listen-api',
        remedy: 'choose another with --listen-api ADDRESS:PORT',
      };
      return [rest, { host, port: headPort, flag: '--head-port', remedy: 'choose another with --head-port PORT' }];
    }
    case 'worker':
      return [{ host, port: workerPort, flag: '--worker-port', remedy: 'choose another with --worker-port PORT' }];
  }
}

/** After its process ended an address is free at once, but for what else took it. In ms. */
const FREE_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 20;

/** Waits until the addresses of a process that has ended are free. @returns those that are not */
export async function awaitFree({ url, p2p }: Pick<ProcessRecord, 'url' | 'p2p'>): Promise<string[]> {
  const { hostname = '', port = '' } = (url === null ? null : URL.parse(url)) ?? {};
  const wanted = [parseTcpAddress(p2p ?? ''), { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }];
  const taken: string[] = [];
  for (const { host, port: number } of wanted.filter((one) => one !== undefined)) {
    if (number === 0) continue;
    const until = Date.now() + FREE_WITHIN_MS;
    while (!(await isFree(host, number)) && Date.now() < until) await sleep(LOOK_EVERY_MS);
    if (!(await isFree(host, number))) taken.push(`${host}:${number}`);
  }
  return taken;
}
