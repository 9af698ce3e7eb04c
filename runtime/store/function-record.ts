import { hash } from 'node:crypto';
import type { Manifest } from '../core/manifest.ts';
import type { AtomicFiles } from './atomic-file.ts';
import type { Layout } from './layout.ts';
import { librariesOf } from './libraries.ts';
import { chooseFile } from './method.ts';
import { readUpTo } from './module-folder.ts';

/**
 * What is known of a dag-pb CID after it was opened once, so that a later start needs no UnixFS to run it. Never the
 * only copy of anything: a missing or damaged record is made again from the blocks.
 */
export interface FunctionRecord {
  /** The CID is one file, whatever the method. */
  readonly isFile: boolean;
  readonly names: readonly string[];
  readonly manifest: Manifest | null;
  /** Sha-256 of what lies beside its modules, as `package-files.ts` packs it; `null`: nothing does. */
  readonly files: string | null;
  /** File name → lower-case hex sha-256 of modules that were prepared; '' for the one file. */
  readonly modules: readonly (readonly [name: string, sha256: string])[];
}

const FORMAT_NAME = 'inferbase-record-';
/** The number goes up whenever the same manifest would be read differently, or there is more to know. */
const FORMAT = `${FORMAT_NAME}3`;
const MAX_BYTES = 4 * 1024 * 1024;

/** @param key of `parseCid` */
export async function readRecord(layout: Layout, key: string): Promise<FunctionRecord | undefined> {
  const bytes = await readUpTo(layout.record(key), MAX_BYTES);
  return bytes === undefined ? undefined : decodeRecord(bytes, key);
}

/** Adds a module to a CID's record. Two processes that do so at once may lose one of the two; it is made again. */
export async function writeRecord(
  components: { layout: Layout; files: AtomicFiles },
  key: string,
  record: FunctionRecord,
): Promise<void> {
  const { layout, files } = components;
  const known = (await readRecord(layout, key))?.modules ?? [];
  const modules = [...new Map([...known, ...record.modules])];
  await files.write(layout.record(key), encodeRecord({ ...record, modules }, key), 'record');
}

/** One line of format, CID and sha-256, one of JSON: enough to tell a file that is whole and in its place. */
export function encodeRecord(record: FunctionRecord, key: string): Uint8Array {
  const body = JSON.stringify(record);
  return Buffer.from(`${FORMAT} ${key} ${hash('sha256', body)}\n${body}\n`);
}

/** @returns `undefined` for anything that `encodeRecord` did not write for this key */
export function decodeRecord(bytes: Uint8Array, key: string): FunctionRecord | undefined {
  const [head, body, rest] = Buffer.from(bytes).toString('utf8').split('\n');
  if (body === undefined || rest !== '' || head !== `${FORMAT} ${key} ${hash('sha256', body)}`) return undefined;
  try {
    const record: unknown = JSON.parse(body);
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is a record of another version: of no use here, but not damaged either. */
export function isOtherVersion(bytes: Uint8Array): boolean {
  const [format = ''] = Buffer.from(bytes.subarray(0, 64)).toString('latin1').split(' ');
  return format !== FORMAT && format.startsWith(FORMAT_NAME) && /^[0-9]{1,9}$/.test(format.slice(FORMAT_NAME.length));
}

/** What a record and a manifest have to have: one written by a version that knew less is made again. */
const RECORD_KEYS = { isFile: true, names: true, manifest: true, files: true, modules: true } as const satisfies Record<
  keyof FunctionRecord,
  true
>;
const MANIFEST_KEYS = {
  ...{ name: true, archive: true, permissions: true, limits: true, modules: true, entryModule: true },
  ...{ entryExport: true, files: true },
} as const satisfies Record<keyof Manifest, true>;

function isRecord(value: unknown): value is FunctionRecord {
  if (!hasKeys(value, RECORD_KEYS)) return false;
  const { names, modules, manifest } = value as FunctionRecord;
  return Array.isArray(names) && Array.isArray(modules) && (manifest === null || hasKeys(manifest, MANIFEST_KEYS));
}

function hasKeys(value: unknown, keys: Readonly<Record<string, true>>): boolean {
  return typeof value === 'object' && value !== null && Object.keys(keys).every((key) => Object.hasOwn(value, key));
}

/** Which modules make up a function, by what they are made from. */
export interface KnownModules {
  /** File that is run; '' where the CID is one file. */
  readonly file: string;
  readonly sha256: string;
  readonly libraries: readonly { readonly name: string; readonly sha256: string }[];
}

/**
 * The modules that a method names.
 * @returns `undefined` when not all of them were prepared
 * @throws InferbaseError `ERR_FUNCTION_NOT_FOUND` when the method names no file
 */
export function modulesOf(record: FunctionRecord, method: string): KnownModules | undefined {
  const { isFile, names, manifest } = record;
  const prepared = new Map(record.modules);
  const file = isFile ? '' : chooseFile({ names, entryModule: manifest?.entryModule ?? null }, method);
  const sha256 = prepared.get(file);
  if (sha256 === undefined) return undefined;
  const libraries: { name: string; sha256: string }[] = [];
  for (const library of librariesOf(manifest, file)) {
    const known = prepared.get(library.file);
    if (known === undefined) return undefined;
    libraries.push({ name: library.name, sha256: known });
  }
  return { file, sha256, libraries };
}
