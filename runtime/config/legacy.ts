import type { Assignment } from './assignment.ts';
import type { Environment } from './environment.ts';
import { parseListenAddress } from './listen.ts';

/** Variables of the node images this one replaces, and the setting each means. */
const LEGACY_NAMES: readonly (readonly [name: string, path: readonly string[]])[] = [
  ['NODE_ROLE', ['role']],
  ['WORKSPACE_ROOT', ['dataDir']],
  ['NODE_KEY_PATH', ['keyFile']],
  ['INFERENCE_API_ADDRESS', ['upstreams', 'model', 'url']],
];

const WITHOUT_EFFECT = /^(BOOT_NODES|TOPICS|P2P_PORT|DIALBACK_\w+)$/;

/**
 * Settings from the variable names that existing deployments use. An empty variable counts as not set.
 * @param listenApi address set so far: `REST_API` is often a port alone, and keeps its host
 * @returns assignments, and the names that are known but mean nothing to a solo node
 */
export function legacySettings(env: Environment, listenApi: string): { assignments: Assignment[]; ignored: string[] } {
  const assignments: Assignment[] = [];
  for (const [name, path] of LEGACY_NAMES) {
    const value = env[name];
    if (value !== undefined && value !== '') assignments.push({ path, value, origin: name });
  }
  const rest = env.REST_API;
  if (rest !== undefined && rest !== '') {
    const port = /^:?(\d+)$/.exec(rest)?.[1];
    const host = parseListenAddress(listenApi)?.host ?? '127.0.0.1';
    const value = port === undefined ? rest : `${host.includes(':') ? `[${host}]` : host}:${port}`;
    assignments.push({ path: ['listen', 'api'], value, origin: 'REST_API' });
  }
  const ignored = Object.keys(env).filter((name) => WITHOUT_EFFECT.test(name) && env[name] !== '');
  return { assignments, ignored: ignored.sort() };
}
