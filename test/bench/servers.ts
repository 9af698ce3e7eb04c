import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanEnv, mustRun, type Service, startService } from '../packaging/commands.ts';
import { ROOT } from '../source-files.ts';
import { freePort } from '../support/free-port.ts';

/** A way to start the product: from source, or from an installed package. */
export interface Product {
  /** File that node is given: the launcher. */
  readonly launcher: string;
}

export const FROM_SOURCE: Product = { launcher: join(ROOT, 'runtime/inferbase.js') };

export interface ProductOptions {
  readonly dataDir: string;
  readonly threads?: number;
  readonly upstream?: string;
  readonly deadlineMs?: number;
  /** Enables peers, at this multiaddr. */
  readonly peersListen?: string;
  readonly role?: 'head' | 'worker';
  /** Multiaddrs of heads. */
  readonly connect?: readonly string[];
  readonly topics?: readonly string[];
  /** Default true: streams are kept between nodes of our own. */
  readonly lasting?: boolean;
  /** Default: that of the role. */
  readonly consensus?: 'pbft' | 'none';
}

export interface Server {
  readonly service: Service;
  readonly port: number;
  /** From the start of the process to its ready line, in ms. */
  readonly readyMs: number;
}

async function start(args: readonly string[], port: number, cwd: string, env: Record<string, string>): Promise<Server> {
  const began = performance.now();
  const service = startService(process.execPath, args, { cwd, env });
  await service.until(new RegExp(`127\\.0\\.0\\.1:${port}\\b`));
  return { service, port, readyMs: performance.now() - began };
}

/** Starts one of the bench's own servers, which take their port as the first argument. */
export async function startScript(
  name: 'bare-server' | 'upstream' | 'gateway-server',
  ...more: readonly number[]
): Promise<Server> {
  const port = await freePort();
  return start(
    [join(import.meta.dirname, `${name}.ts`), String(port), ...more.map(String)],
    port,
    ROOT,
    cleanEnv({ NODE_ENV: 'production' }),
  );
}

/** Starts `inferbase serve` on a free port. */
export async function startProduct(product: Product, options: ProductOptions): Promise<Server> {
  const port = await freePort();
  const env = cleanEnv({ INFERBASE_LISTEN_API: `127.0.0.1:${port}`, INFERBASE_DATA_DIR: options.dataDir });
  if (options.threads !== undefined) env.INFERBASE_SANDBOX_THREADS = String(options.threads);
  if (options.upstream !== undefined) env.INFERBASE_UPSTREAMS_MODEL_URL = options.upstream;
  if (options.deadlineMs !== undefined) env.INFERBASE_LIMITS_DEADLINE_MS = String(options.deadlineMs);
  if (options.peersListen !== undefined) {
    env.INFERBASE_PEERS_ENABLED = 'true';
    env.INFERBASE_PEERS_LISTEN = options.peersListen;
  }
  if (options.role !== undefined) env.INFERBASE_ROLE = options.role;
  if (options.connect !== undefined) env.INFERBASE_PEERS_CONNECT = options.connect.join(',');
  if (options.topics !== undefined) env.INFERBASE_WORK_TOPICS = options.topics.join(',');
  if (options.lasting !== undefined) env.INFERBASE_WORK_LASTING = String(options.lasting);
  if (options.consensus !== undefined) env.INFERBASE_WORK_CONSENSUS = options.consensus;
  return start([product.launcher, 'serve'], port, ROOT, env);
}

/** Puts a module into a data folder; returns its CID. */
export function pinFile(product: Product, file: string, dataDir: string): string {
  const env = cleanEnv({ INFERBASE_DATA_DIR: dataDir });
  const { stdout } = mustRun(process.execPath, [product.launcher, 'pin', file, '--json'], { env });
  return JSON.parse(stdout).cid;
}

/** Removes the rewritten modules, so that the next execution has to prepare its module again. */
export function forgetModules(dataDir: string): Promise<void> {
  return rm(join(dataDir, 'modules'), { recursive: true, force: true });
}
