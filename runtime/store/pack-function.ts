import { hash } from 'node:crypto';
import { InferbaseError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { MANIFEST_SCHEMA } from '../core/manifest.ts';
import { addFiles, type NewFile } from './add.ts';
import { gzipStored } from './gzip-stored.ts';
import { writeTar } from './tar-writer.ts';

export interface PackageInit {
  /** A file name's worth: the module is `NAME.wasm`, the archive `NAME.tar.gz`. */
  readonly name: string;
  readonly description: string;
  readonly contentType: string;
  readonly module: Uint8Array;
  /** Files beside the module, by path in the package. */
  readonly files: readonly NewFile[];
  /** `null`: the function asks for no less than the operator allows. */
  readonly permissions: readonly string[] | null;
  readonly limits: Partial<Limits>;
}

export interface FunctionPackage {
  /** `manifest.json` and the archive: what to pin. */
  readonly files: readonly NewFile[];
  /** Of the directory that holds them: the `function_id`. */
  readonly cid: string;
  /** Of both, in bytes. */
  readonly size: number;
}

/**
 * Makes of a module what b7s installs: a manifest as the bls CLI writes it, and the tar.gz it names, in one directory.
 * The same function has the same CID on any machine.
 * @throws InferbaseError `ERR_INVALID_REQUEST` for two files of one path
 */
export async function packFunction(init: PackageInit): Promise<FunctionPackage> {
  const { name, module } = init;
  const file = `${name}.wasm`;
  checkPaths(init.files, file);
  const archive = gzipStored(writeTar([{ path: file, bytes: module }, ...init.files]));
  const manifest = Buffer.from(`${JSON.stringify(manifestOf(init, file, archive), null, 2)}\n`);
  const files = [
    { path: 'manifest.json', bytes: manifest },
    { path: `${name}.tar.gz`, bytes: archive },
  ];
  const { cid, size } = await addFiles(files, async () => {}, Number.POSITIVE_INFINITY);
  return { files, cid: cid.toString(), size };
}

function checkPaths(files: readonly NewFile[], module: string): void {
  const paths = [module, ...files.map(({ path }) => path)].sort();
  for (const [index, path] of paths.entries()) {
    const next = paths[index + 1];
    if (next === path || paths.some((other) => other.startsWith(`${path}/`))) {
      throw new InferbaseError('ERR_INVALID_REQUEST', `The package would have ${path} twice; leave one of them out.`);
    }
  }
}

/**
 * Key order is part of the CID. Of the limits only memory has a key in the older form that means the same there: its
 * fuel is counted otherwise, and its run time holds up every call.
 */
function manifestOf(init: PackageInit, file: string, archive: Uint8Array): object {
  const { name, description, contentType, module, permissions, limits } = init;
  const files = init.files.map(({ path }) => path).sort();
  return {
    $schema: MANIFEST_SCHEMA,
    id: '',
    version: 1,
    name,
    hooks: [],
    description,
    fs_root_path: './',
    drivers_root_path: './',
    runtime_logger: 'runtime.log',
    entry: '_start',
    contentType,
    modules: [{ file, name, type: 'entry', md5: hash('md5', module) }],
    ...(permissions !== null && { permissions }),
    ...(limits.memoryPages !== undefined && { limited_memory: limits.memoryPages }),
    runtime: { url: `${name}.tar.gz`, checksum: hash('sha256', archive) },
    inferbase: {
      ...(Object.keys(limits).length > 0 && { limits: sorted(limits) }),
      ...(files.length > 0 && { files }),
    },
  };
}

function sorted(limits: Partial<Limits>): object {
  return Object.fromEntries(Object.entries(limits).sort(([a], [b]) => (a < b ? -1 : 1)));
}
