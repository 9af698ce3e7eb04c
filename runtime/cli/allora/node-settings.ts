import { isIP } from 'node:net';
import { join } from 'node:path';
import type { SettingsSources } from '../../config/load.ts';
import { InferbaseError } from '../../core/errors.ts';
import { isChainFlag } from './node-flags.ts';
import type { FlagValue, ParsedFlags } from './pflag.ts';

/** A page of linear memory, in bytes. */
const PAGE = 65_536;
const MOST_PAGES = 65_536;

/** The levels of zerolog, which the Go nodes log with, and ours. */
const LEVELS: ReadonlyMap<unknown, string> = new Map([
  ['trace', 'debug'],
  ['fatal', 'error'],
  ['panic', 'error'],
  ['disabled', 'silent'],
]);

/** Where the nodes that this one stands in for had every function from; these serve whole CIDs, so that each byte is checked. */
const GATEWAYS = ['https://trustless-gateway.link', 'https://w3s.link'];

/** Order of main.py's arguments in the extension that the images of the Go nodes shipped last. */
const ARGV_ORDER = 'v0.2.0';

export interface NodeSettings extends Required<Pick<SettingsSources, 'flags' | 'flagNames' | 'defaults'>> {
  /** Lines for the log. */
  readonly warnings: readonly string[];
}

/**
 * What the flags of `allora-node` mean as settings of this node. What they did by default is a default here too, so that
 * the environment and a settings file come before it.
 * @param isThere whether there is such a file or folder
 * @throws InferbaseError `ERR_INVALID_SETTING` for flags that do not fit together
 */
export function nodeSettings({ values, others }: ParsedFlags, isThere: (path: string) => boolean): NodeSettings {
  const flags: Record<string, unknown> = {};
  const flagNames: Record<string, string> = {};
  const defaults: Record<string, unknown> = {
    role: 'worker',
    gateways: GATEWAYS,
    'peers.listen': ['/ip4/0.0.0.0/tcp/0'],
    // Whatever name a proxy in front hands on.
    'listen.hosts': ['*'],
    'listen.metrics': '0.0.0.0:2112',
  };
  const warnings: string[] = [];
  const given = (name: string): FlagValue | undefined => {
    const value = values.get(name);
    return value === '' ? undefined : value;
  };
  const set = (key: string, name: string, value: FlagValue | undefined): void => {
    if (value === undefined) return;
    flags[key] = value;
    flagNames[key] = `--${name}`;
  };

  const role = given('role') ?? 'worker';
  set('role', 'role', given('role'));
  set('keyFile', 'private-key', given('private-key'));
  const level = given('log-level');
  set('log.level', 'log-level', LEVELS.get(level) ?? level);
  set('limits.concurrency', 'concurrency', given('concurrency'));
  set('work.topics', 'topic', list(given('topic'), given('topics')));
  set('peers.connect', 'boot-nodes', list(given('boot-nodes')));

  const api = restAddress(given('rest-api'));
  // Not even looked at on a worker: as before.
  if (given('role') !== 'worker') set('listen.api', 'rest-api', api);
  if (api !== undefined && role !== 'head') {
    warnings.push('--rest-api has no effect on a worker: heads have the REST API');
  } else if (api !== undefined && /^(?:0\.0\.0\.0|\[::\]):/.test(api)) {
    warnings.push(`the REST API listens on every interface (${api}) and asks nobody who he is: see who can reach it`);
  }

  const { listen, announce } = addresses(given);
  if (listen !== undefined) set('peers.listen', 'port', listen);
  if (announce !== undefined) {
    if (announce.length > 0) set('peers.announce', 'dialback-port', announce);
    else warnings.push('--dialback-port has no effect without --dialback-address');
  }

  const folder = given('function-db') ?? given('workspace');
  if (folder !== undefined) {
    const name = given('function-db') === undefined ? 'workspace' : 'function-db';
    set('dataDir', name, join(String(folder), 'inferbase'));
    // Pebble, the database of the Go nodes.
    if (role !== 'head' && isThere(join(String(folder), 'CURRENT'))) {
      warnings.push(
        `functions that the older node installed (${folder}) are fetched again by CID: their blocks were not kept`,
      );
    }
  }

  const memory = Number(given('memory-limit') ?? 0);
  if (memory > 0) {
    set('limits.memoryPages', 'memory-limit', Math.min(Math.max(Math.floor((memory * 1000) / PAGE), 1), MOST_PAGES));
  }

  const runtime = given('runtime-path');
  if (runtime !== undefined && role !== 'head') {
    const extensions = join(String(runtime), 'extensions');
    if (isThere(extensions)) defaults['extensions.dir'] = extensions;
    defaults['extensions.allora.enabled'] = true;
    defaults['extensions.allora.argvOrder'] = ARGV_ORDER;
  }

  warnings.push(...withoutEffect(values, others));
  return { flags, flagNames, defaults, warnings };
}

/** All of several lists, without what is empty; `undefined` when nothing is left. */
function list(...parts: readonly (FlagValue | undefined)[]): readonly string[] | undefined {
  const all = parts.flatMap((part) => (Array.isArray(part) ? part : [])).map((text: string) => text.trim());
  const filled = all.filter((text) => text !== '');
  return filled.length === 0 ? undefined : filled;
}

/** `:6000` is every interface to Go. */
function restAddress(value: FlagValue | undefined): string | undefined {
  return value === undefined ? undefined : String(value).replace(/^:/, '0.0.0.0:');
}

/** @returns multiaddrs; each `undefined` where no flag speaks of it, `announce` empty where one does in vain */
function addresses(given: (name: string) => FlagValue | undefined): {
  listen: readonly string[] | undefined;
  announce: readonly string[] | undefined;
} {
  const webSocket = given('websocket') === true;
  const named = ['address', 'port', 'websocket', 'websocket-port'].some((name) => given(name) !== undefined);
  const host = String(given('address') ?? '0.0.0.0');
  const port = Number(given('port') ?? 0);
  const webSocketPort = Number(given('websocket-port') ?? 0);
  if (webSocket && port !== 0 && port === webSocketPort) {
    throw new InferbaseError(
      'ERR_INVALID_SETTING',
      `--port and --websocket-port are both ${port}; give the WebSocket a port of its own`,
    );
  }
  const listen = [tcp(host, port), ...(webSocket ? [`${tcp(host, webSocketPort)}/ws`] : [])];

  const outside = String(given('dialback-address') ?? '0.0.0.0');
  const outsidePort = Number(given('dialback-port') ?? 0);
  const outsideWebSocket = Number(given('websocket-dialback-port') ?? 0) || webSocketPort;
  if (outsidePort === 0) return { listen: named ? listen : undefined, announce: undefined };
  const announce = [tcp(outside, outsidePort)];
  if (webSocket && outsideWebSocket !== 0) announce.push(`${tcp(outside, outsideWebSocket)}/ws`);
  return { listen: named ? listen : undefined, announce: outside === '0.0.0.0' ? [] : announce };
}

function tcp(host: string, port: number): string {
  const kind = { 4: 'ip4', 6: 'ip6' }[isIP(host)] ?? 'dns';
  return `/${kind}/${host}/tcp/${port}`;
}

/** Says which flags have none, never what they were given: some hold secrets. */
function withoutEffect(values: ParsedFlags['values'], others: number): string[] {
  const lines: string[] = [];
  const say = (names: readonly string[], why: string): void => {
    if (names.length === 0) return;
    const flags = names.map((name) => `--${name}`).join(', ');
    lines.push(`${flags} ${names.length === 1 ? 'has' : 'have'} no effect: ${why}`);
  };
  const asked = (name: string): string[] => (values.get(name) === true ? [name] : []);
  say([...values.keys()].filter(isChainFlag), 'this node does not register with the Allora chain or submit to it yet');
  say([...asked('attributes'), ...asked('load-attributes')], 'work.attributes says what a worker is');
  const cpu = values.get('cpu-percentage-limit');
  say(
    cpu === undefined || cpu === 1 ? [] : ['cpu-percentage-limit'],
    'limits.fuel bounds an execution, and sandbox.threads the cores that guests have',
  );
  // The name of the program itself is one where an image has it as its entry point already.
  if (others > 1)
    lines.push(`${others} arguments are no flags and were passed over; put a value of several words in quotes`);
  return lines;
}
