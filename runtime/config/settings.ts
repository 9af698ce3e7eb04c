import { availableParallelism } from 'node:os';
import * as z from 'zod/mini';
import { DEFAULT_LIMITS } from '../core/limits.ts';
import { parsePermission } from '../core/permissions.ts';
import { parseListenAddress } from './listen.ts';
import { peerMultiaddr, peers, work } from './peer-settings.ts';
import { SETTING_NOTES, whole } from './setting-note.ts';

const MIB = 1_048_576;
const GIB = 1024 * MIB;

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return url.protocol === 'http:' || url.protocol === 'https:';
}

function isPermission(text: string): boolean {
  try {
    parsePermission(text, { operator: true });
    return true;
  } catch {
    return false;
  }
}

/** `*`, a CID, or `NAME=CID`; whether it is a CID is found out where it is used. */
const WEB_FUNCTION = /^(?:\*|(?:[A-Za-z0-9][A-Za-z0-9._-]{0,62}=)?[A-Za-z0-9]{20,256})$/;
const HOST_NAME = /^(?:\*|[A-Za-z0-9_][A-Za-z0-9_.-]{0,252})$/;
const httpUrl = z.string().check(z.refine<string>(isHttpUrl));
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const upstream = z.strictObject({
  url: httpUrl.check(z.refine<string>((text) => URL.parse(text)?.search === '')).register(SETTING_NOTES, {
    doc: 'URL of a server that guests see as http://NAME/',
    expects: 'an http or https URL without user, query or fragment; credentials belong in upstreams.NAME.headers',
    fallback: (name: string) => (name === 'model' ? 'http://127.0.0.1:8000' : undefined),
    fallbackText: 'http://127.0.0.1:8000 for model',
  }),
  headers: z
    .record(z.string().check(z.regex(HEADER_NAME)), z.string().check(z.regex(HEADER_VALUE)))
    .register(SETTING_NOTES, {
      doc: 'headers added to every request to that server; a guest cannot see or replace them',
      expects: 'a mapping of header names to text, such as {"authorization": "Bearer …"}',
      fallback: {},
      secret: true,
    }),
  timeoutMs: whole(1, 86_400_000, 'ms', 10_000, 'longest time one request to that server may take, in ms'),
});

const LABEL = z.string().check(z.regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/), z.maxLength(63));

const pinningService = z.strictObject({
  url: httpUrl.check(z.refine<string>((text) => URL.parse(text)?.search === '')).register(SETTING_NOTES, {
    doc: 'URL of an IPFS pinning service, for pin --to service=NAME',
    expects: 'an http or https URL without user or query, such as https://api.pinning.example/psa',
    fallback: undefined,
  }),
  token: z.nullable(z.string().check(z.regex(/^[\x21-\x7e]+$/))).register(SETTING_NOTES, {
    doc: 'its access token',
    expects: 'the token as the service shows it, without spaces',
    fallback: null,
    fallbackText: 'none',
    secret: true,
  }),
  origins: z.array(peerMultiaddr).register(SETTING_NOTES, {
    doc: 'multiaddrs that the service can fetch from',
    expects: 'a list of TCP multiaddrs with peer ids, such as those that serve prints',
    fallback: [],
    fallbackText: 'its own, where peers.enabled is true',
  }),
});

const EXTENSION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

const extension = z.strictObject({
  command: z.string().check(z.minLength(1), z.refine<string>(hasNoNul)).register(SETTING_NOTES, {
    doc: 'program that guests run as the extension NAME; it is started without a shell',
    expects: 'the name or path of a program',
    fallback: undefined,
  }),
  args: z.array(z.string().check(z.refine<string>(hasNoNul))).register(SETTING_NOTES, {
    doc: "its arguments; the guest's come after them",
    expects: 'a list of texts',
    fallback: [],
    fallbackText: 'none',
  }),
  timeoutMs: z.nullable(z.int().check(z.minimum(1), z.maximum(86_400_000))).register(SETTING_NOTES, {
    doc: 'longest time one process of it may run, in ms; it never outlives its execution',
    expects: 'a whole number of ms from 1 to 86400000',
    fallback: null,
    fallbackText: 'as long as the execution',
  }),
});

function hasNoNul(text: string): boolean {
  return !text.includes('\0');
}

/** The names, types and bounds of all settings; strict: an unknown key is an error. */
export const SETTINGS_SCHEMA = z.strictObject({
  role: z.enum(['solo', 'head', 'worker']).register(SETTING_NOTES, {
    doc: 'what the node does: solo answers requests alone, a head has workers run them, a worker runs them for heads',
    expects: 'one of solo, head, worker',
    fallback: 'solo',
  }),
  dataDir: z.string().check(z.minLength(1)).register(SETTING_NOTES, {
    doc: 'folder of blocks, prepared modules, pins and the key of the node',
    expects: 'the path of a folder',
    fallback: '.inferbase',
  }),
  keyFile: z.nullable(z.string().check(z.minLength(1))).register(SETTING_NOTES, {
    doc: 'libp2p private key of the node; made when there is none',
    expects: 'the path of a file',
    fallback: null,
    fallbackText: 'keys/priv.bin in the data folder',
  }),
  functionsDir: z.nullable(z.string().check(z.minLength(1))).register(SETTING_NOTES, {
    doc: 'folder whose .wasm files and packages are stored and pinned when the node starts',
    expects: 'the path of a folder',
    fallback: null,
    fallbackText: 'none',
  }),
  listen: z.strictObject({
    api: z
      .string()
      .check(z.refine<string>((text) => parseListenAddress(text) !== undefined))
      .register(SETTING_NOTES, {
        doc: 'address of the REST API',
        expects: 'an address with a port, such as 127.0.0.1:6000, [::1]:6000 or 0.0.0.0:6000',
        fallback: '127.0.0.1:6000',
      }),
    metrics: z
      .nullable(z.string().check(z.refine<string>((text) => parseListenAddress(text) !== undefined)))
      .register(SETTING_NOTES, {
        doc: 'address at which Prometheus finds metrics under /metrics',
        expects: 'an address with a port, such as 0.0.0.0:2112',
        fallback: null,
        fallbackText: 'none',
      }),
    hosts: z.array(z.string().check(z.regex(HOST_NAME))).register(SETTING_NOTES, {
      doc: 'host names that requests may be addressed to where listen.api is a loopback address, such as behind a proxy',
      expects: 'a list of host names without port, such as node.example, or * for any',
      fallback: [],
      fallbackText: 'names without a dot or below .localhost and .internal, and IP addresses',
    }),
  }),
  web: z.strictObject({
    functions: z.array(z.string().check(z.regex(WEB_FUNCTION))).register(SETTING_NOTES, {
      doc: 'functions that are web endpoints at /fn/CID/… of the API',
      expects: 'a list of CIDs, each with or without a name as in NAME=CID, or * for every function',
      fallback: [],
      fallbackText: 'none',
    }),
  }),
  upstreams: z.record(LABEL, upstream),
  gateways: z.array(httpUrl).register(SETTING_NOTES, {
    doc: 'trustless IPFS gateways that are asked for blocks which are not here; every block is checked',
    expects: 'a list of http or https URLs',
    fallback: [],
    fallbackText: 'none',
  }),
  store: z.strictObject({
    gateway: z.boolean().register(SETTING_NOTES, {
      doc: 'serve the blocks that are here to whoever knows their CID, as a trustless gateway under /ipfs/ of the REST API',
      expects: 'true or false',
      fallback: true,
    }),
    maxBytes: whole(
      MIB,
      1024 * GIB * 1024,
      'bytes',
      10 * GIB,
      'size of the data folder past which a node that serves collects what is not pinned and was not used lately, in bytes',
    ),
  }),
  peers,
  work,
  pinning: z.record(LABEL, pinningService),
  policy: z.strictObject({
    allow: z.array(z.string().check(z.refine<string>(isPermission))).register(SETTING_NOTES, {
      doc: 'URLs that guests may reach beside the named upstreams; manifest and request can only narrow this',
      expects: 'a list of URL prefixes, such as https://api.example.com/v1/, or https:// for every host',
      fallback: [],
      fallbackText: 'none',
    }),
  }),
  extensions: z
    .catchall(
      z.object({
        dir: z.nullable(z.string().check(z.minLength(1))).register(SETTING_NOTES, {
          doc: 'folder of extensions: programs that guests may run, and that say their alias when asked --ext_verify',
          expects: 'the path of a folder',
          fallback: null,
          fallbackText: 'none',
        }),
        allora: z.strictObject({
          enabled: z.boolean().register(SETTING_NOTES, {
            doc: 'serve cgi-allora-infer with the main.py of the Allora images, where there is one',
            expects: 'true or false',
            fallback: false,
          }),
          script: z.nullable(z.string().check(z.minLength(1))).register(SETTING_NOTES, {
            doc: 'the main.py that cgi-allora-infer runs with python3; naming one enables it',
            expects: 'the path of a file',
            fallback: null,
            fallbackText: 'searched for when enabled',
          }),
          argvOrder: z.enum(['v0.1.2', 'v0.1.4', 'v0.2.0']).register(SETTING_NOTES, {
            doc: "order of main.py's arguments, after the releases of that extension",
            expects: 'one of v0.1.2 (argument, topic), v0.1.4 (topic, argument), v0.2.0 (topic, two heights, argument)',
            fallback: 'v0.1.4',
          }),
          env: z.array(z.string().check(z.regex(VARIABLE))).register(SETTING_NOTES, {
            doc: "variables of the node's own environment that main.py is given, where they are set",
            expects: 'a list of names, such as INFERENCE_API_ADDRESS,API_KEY',
            fallback: ['INFERENCE_API_ADDRESS'],
          }),
        }),
      }),
      extension,
    )
    .check(({ value, issues }) => {
      for (const name of Object.keys(value)) {
        if (!EXTENSION_NAME.test(name)) issues.push({ code: 'custom', input: name, path: [name] });
      }
    }),
  limits: z.strictObject({
    deadlineMs: whole(1, 86_400_000, 'ms', DEFAULT_LIMITS.deadlineMs, 'longest time of one execution, in ms'),
    fuel: whole(1, Number.MAX_SAFE_INTEGER, 'units', DEFAULT_LIMITS.fuel, 'fuel of one execution', 'none'),
    memoryPages: whole(1, 65_536, '64 KiB pages', DEFAULT_LIMITS.memoryPages, 'linear memory, in 64 KiB pages'),
    stdoutBytes: whole(0, GIB, 'bytes', DEFAULT_LIMITS.stdoutBytes, 'standard output kept of one execution, in bytes'),
    stderrBytes: whole(0, GIB, 'bytes', DEFAULT_LIMITS.stderrBytes, 'standard error kept of one execution, in bytes'),
    stdinBytes: whole(0, GIB, 'bytes', DEFAULT_LIMITS.stdinBytes, 'largest standard input, in bytes'),
    bodyBytes: whole(0, GIB, 'bytes', DEFAULT_LIMITS.bodyBytes, 'largest request body and outbound response, in bytes'),
    hostCalls: whole(1, Number.MAX_SAFE_INTEGER, 'calls', DEFAULT_LIMITS.hostCalls, 'host calls of one execution'),
    handles: whole(0, 1_000_000, 'handles', DEFAULT_LIMITS.handles, 'files, responses and extensions open at once'),
    fileBytes: whole(0, GIB, 'bytes', DEFAULT_LIMITS.fileBytes, 'contents of the files of one execution, in bytes'),
    functionConcurrency: whole(
      1,
      12_000,
      'executions',
      DEFAULT_LIMITS.functionConcurrency,
      'executions of one function alive at once; further ones wait, and take half of the queue at most',
    ),
    // V8 aborts the whole process at some 14 000 parked guests.
    concurrency: whole(
      1,
      12_000,
      'executions',
      DEFAULT_LIMITS.concurrency,
      'executions alive at once; further ones wait in the queue',
    ),
    queue: whole(
      0,
      1_000_000,
      'executions',
      DEFAULT_LIMITS.queue,
      'executions that may wait; beyond it the node answers "busy"',
    ),
    poolBytes: whole(
      0,
      64 * GIB,
      'bytes',
      DEFAULT_LIMITS.poolBytes,
      'unused linear memory that each thread keeps for later executions, in bytes',
    ),
  }),
  sandbox: z.strictObject({
    threads: whole(1, 256, 'threads', availableParallelism(), 'threads that run guests', 'one per core'),
    stackKb: whole(64, 984, 'KB', 984, 'stack of one execution, in KB; one that waits keeps what it used of it'),
  }),
  log: z.strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).register(SETTING_NOTES, {
      doc: 'least severe log lines that are written to stderr',
      expects: 'one of debug, info, warn, error, silent',
      fallback: 'info',
    }),
  }),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

type Parsed = z.output<typeof SETTINGS_SCHEMA>;

/** Everything an operator may set; deep-frozen. Paths of our own are absolute. */
export type Settings = DeepReadonly<
  Omit<Parsed, 'extensions'> & {
    extensions: Pick<Parsed['extensions'], 'dir' | 'allora'> & {
      /** Alias → program: every other key of `extensions`. */
      programs: Record<string, z.output<typeof extension>>;
    };
  }
>;

/** `peers.listen`, by role where it was not given. */
export function listenAddresses({ role, peers }: Pick<Settings, 'role' | 'peers'>): readonly string[] {
  return peers.listen ?? [`/ip4/127.0.0.1/tcp/${role === 'head' ? 9010 : 9011}`];
}

/** `peers.maxConnections`, by role where it was not given. */
export function connectionLimit({ role, peers }: Settings): number {
  return peers.maxConnections ?? (role === 'head' ? 4_096 : 64);
}

/** `work.consensus`, by role where it was not given. */
export function consensusOf({ role, work }: Pick<Settings, 'role' | 'work'>): 'pbft' | 'none' {
  return work.consensus ?? (role === 'worker' ? 'pbft' : 'none');
}
