import { isIP } from 'node:net';
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

/** Variables of the network of nodes; those a node has no use for set nothing. */
const NETWORK_NAMES = ['BOOT_NODES', 'TOPICS', 'P2P_PORT', 'DIALBACK_ADDRESS', 'DIALBACK_PORT'] as const;

/** What is known of the settings before these variables are read. */
export interface LegacyContext {
  /** Address set so far: `REST_API` is often a port alone, and keeps its host. */
  readonly listenApi: string;
  readonly role: string;
  /** The node has a libp2p host. */
  readonly peers: boolean;
}

/**
 * Settings from the variable names that existing deployments use. An empty variable counts as not set.
 * @returns assignments, and the names that are known but mean nothing to such a node
 */
export function legacySettings(
  env: Environment,
  { listenApi, role, peers }: LegacyContext,
): { assignments: Assignment[]; ignored: string[] } {
  const assignments: Assignment[] = [];
  const set = (path: string, value: unknown, origin: string): void => {
    assignments.push({ path: path.split('.'), value, origin });
  };
  for (const [name, path] of LEGACY_NAMES) {
    const value = env[name];
    if (value !== undefined && value !== '') assignments.push({ path, value, origin: name });
  }
  const rest = env.REST_API;
  if (rest !== undefined && rest !== '') {
    const port = /^:?(\d+)$/.exec(rest)?.[1];
    const host = parseListenAddress(listenApi)?.host ?? '127.0.0.1';
    set('listen.api', port === undefined ? rest : `${host.includes(':') ? `[${host}]` : host}:${port}`, 'REST_API');
  }
  const network = new Map(
    NETWORK_NAMES.flatMap((name) => {
      const value = env[name]?.trim() ?? '';
      return value === '' ? [] : [[name, value] as const];
    }),
  );
  if (peers) {
    const nodes = network.get('BOOT_NODES');
    if (nodes !== undefined) set('peers.connect', words(nodes), 'BOOT_NODES');
    const port = network.get('P2P_PORT');
    // Every interface, as the nodes listened that have this variable.
    if (port !== undefined) set('peers.listen', [`/ip4/0.0.0.0/tcp/${port}`], 'P2P_PORT');
    const address = network.get('DIALBACK_ADDRESS');
    const outside = network.get('DIALBACK_PORT');
    if (address !== undefined && outside !== undefined && outside !== '0') {
      set('peers.announce', [`/${kindOf(address)}/${address}/tcp/${outside}`], 'DIALBACK_ADDRESS');
      network.delete('DIALBACK_ADDRESS');
      network.delete('DIALBACK_PORT');
    }
    network.delete('BOOT_NODES');
    network.delete('P2P_PORT');
  }
  const topics = network.get('TOPICS');
  if (role === 'worker' && topics !== undefined) {
    set('work.topics', words(topics), 'TOPICS');
    network.delete('TOPICS');
  }
  return { assignments, ignored: [...network.keys()].sort() };
}

/** Parts between commas and blanks. */
function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== '');
}

function kindOf(host: string): string {
  const family = isIP(host);
  return family === 0 ? 'dns' : `ip${family}`;
}
