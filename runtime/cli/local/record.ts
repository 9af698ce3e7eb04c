import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { makeFolder } from '../../core/folder.ts';
import { birthOf } from './birth.ts';
import { type LocalRole, roleFolder } from './role.ts';

const SCHEMA = z.object({
  version: z.literal(1),
  pid: z.int().check(z.minimum(2), z.maximum(2 ** 31)),
  birth: z.string(),
  since: z.string(),
  url: z.nullable(z.string()),
  p2p: z.nullable(z.string()),
  peerId: z.nullable(z.string()),
  topics: z.array(z.string()),
  dataDir: z.optional(z.string()),
  options: z.record(z.string(), z.union([z.string(), z.boolean(), z.array(z.string())])),
});

/** Who a process of the project is: `nodes/ROLE/process.json`. */
export interface ProcessRecord {
  readonly version: 1;
  readonly pid: number;
  /** What {@link birthOf} said of it: a process of the same number that was born at another time is somebody else's. */
  readonly birth: string;
  /** When it was started, ISO 8601. */
  readonly since: string;
  /** Where it answers by HTTP: model server and head. */
  readonly url: string | null;
  /** Where it takes connections of peers: head and worker. */
  readonly p2p: string | null;
  readonly peerId: string | null;
  /** Of a worker, as `work.topics` has them. */
  readonly topics: readonly string[];
  /** Of a node, where it keeps functions; absolute. */
  readonly dataDir?: string | undefined;
  readonly options: LocalOptions;
}

/** Options that `run` was given, by commander's names: what is started again is started with them. */
export type LocalOptions = Readonly<Record<string, string | boolean | readonly string[]>>;

function recordPath(root: string, role: LocalRole): string {
  return join(roleFolder(root, role), 'process.json');
}

/**
 * Reads the record of a process; it may be there no longer, see {@link isAlive}.
 * @returns `undefined` without one; a file that is no such record is none
 */
export async function readRecord(root: string, role: LocalRole): Promise<ProcessRecord | undefined> {
  try {
    const parsed = SCHEMA.safeParse(JSON.parse(await readFile(recordPath(root, role), 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes it so that a reader sees all of it or what was there before. */
export async function writeRecord(root: string, role: LocalRole, record: ProcessRecord): Promise<void> {
  const path = recordPath(root, role);
  const temporary = `${path}.${randomUUID()}.tmp`;
  await makeFolder(roleFolder(root, role));
  try {
    await writeFile(temporary, `${JSON.stringify(record, null, 2)}\n`, { flag: 'wx' });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Forgets a process; no error where it is forgotten already. */
export async function removeRecord(root: string, role: LocalRole): Promise<void> {
  await rm(recordPath(root, role), { force: true });
}

/** Whether the process that the record is of still runs. */
export function isAlive({ pid, birth }: Pick<ProcessRecord, 'pid' | 'birth'>): boolean {
  return birthOf(pid) === birth;
}
