import { hash } from 'node:crypto';
import type { CID } from 'multiformats/cid';
import { DAG_PB, digestHex, type ParsedCid, parseCid, RAW } from '../../core/cid.ts';
import { InferbaseError } from '../../core/errors.ts';
import type { PreparedModule } from '../../core/module-facts.ts';
import { prepareModule } from '../../wasm/prepare.ts';
import { addFiles } from '../add.ts';
import { locateArchive } from '../archive-location.ts';
import type { AtomicFiles } from '../atomic-file.ts';
import type { BlockFolder } from '../block-folder.ts';
import type { BlockReaders } from '../block-reader.ts';
import { walkDag } from '../dag-walk.ts';
import { readRecord, writeRecord } from '../function-record.ts';
import type { Layout } from '../layout.ts';
import { chooseFile } from '../method.ts';
import { createModuleFolder, putModule } from '../module-folder.ts';
import { openPackage, type Package } from '../package.ts';
import { decodeFiles, encodeFiles, type PackageFiles, readFiles, writeFiles } from '../package-files.ts';
import { createUnixfsReader } from '../unixfs.ts';
import type { Fetched, Job, Listing, Prepared, Results } from './protocol.ts';

const MAX_BLOCKS = 4096;
/** Room for the inner nodes of a DAG and for an archive beside its manifest. */
const DAG_SLACK = 4 * 1024 * 1024;

export interface JobContext {
  readonly signal: AbortSignal;
  /** Tells the front thread that this thread will be busy, so that it can end it, and does the step. */
  heavy<T>(step: string, work: () => T): T;
}

export interface Jobs {
  /** @throws InferbaseError whatever kept the job from being done */
  run(job: Job, context: JobContext): Promise<Results[keyof Results]>;
}

/** The work of the preparation thread. */
export function createJobs(
  components: { layout: Layout; files: AtomicFiles; folder: BlockFolder; readers: BlockReaders },
  init: { maxFunctionBytes: number },
): Jobs {
  const { layout, files, folder, readers } = components;
  const { maxFunctionBytes: maxBytes } = init;
  const modules = createModuleFolder({ layout });

  function open({ cid }: ParsedCid, signal: AbortSignal): Promise<Package> {
    const reader = readers.reader({ bytes: maxBytes + DAG_SLACK, blocks: MAX_BLOCKS }, signal);
    const unixfs = createUnixfsReader(reader, { bytes: maxBytes, visits: MAX_BLOCKS });
    return openPackage({ unixfs }, { cid, maxBytes, signal });
  }

  /** Checks and rewrites a module unless that was done before, here or by another process. */
  async function store(wasm: Uint8Array, { heavy, signal }: JobContext, sha256: string): Promise<PreparedModule> {
    const known = await modules.get(sha256);
    if (known !== undefined) return known;
    signal.throwIfAborted();
    const prepared = heavy('checking and rewriting the module', () => prepareModule(wasm));
    await putModule({ layout, files }, prepared);
    return prepared;
  }

  function compile({ facts, bytes }: PreparedModule, { heavy }: JobContext): Pick<Prepared, 'module' | 'facts'> {
    const module = heavy('compiling the module', () => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
    return { module, facts };
  }

  /** A module and its files that were prepared before, without a look at the blocks; `undefined` where anything is missing. */
  async function recall(
    key: string,
    ownName: string,
    method: string,
    context: JobContext,
  ): Promise<Prepared | undefined> {
    const record = await readRecord(layout, key);
    if (record === undefined) return undefined;
    const { isFile, names, manifest } = record;
    const file = isFile ? '' : chooseFile({ names, entryModule: manifest?.entryModule ?? null }, method);
    const sha256 = record.modules.find(([name]) => name === file)?.[1];
    const known = sha256 === undefined ? undefined : await modules.get(sha256);
    const found = record.files === null ? null : await readFiles(layout, record.files);
    if (known === undefined || found === undefined) return undefined;
    return { ...compile(known, context), name: isFile ? ownName : file, manifest, files: found };
  }

  async function prepare(job: Extract<Job, { kind: 'prepare' }>, context: JobContext): Promise<Prepared> {
    const parsed = parseCid(job.cid);
    const ownName = job.method === '' ? `${job.cid}.wasm` : job.method;
    if (parsed.cid.code === RAW) {
      const known = await modules.get(digestHex(parsed.cid));
      if (known !== undefined) return { ...compile(known, context), name: ownName, manifest: null, files: null };
    }
    const remembered = parsed.cid.code === DAG_PB ? await recall(parsed.key, ownName, job.method, context) : undefined;
    if (remembered !== undefined) return remembered;
    const opened = await open(parsed, context.signal);
    const isFile = opened.kind === 'file';
    const manifest = isFile ? null : opened.manifest;
    const file = isFile
      ? ''
      : chooseFile({ names: opened.names, entryModule: manifest?.entryModule ?? null }, job.method);
    const wasm = await (isFile ? opened.content() : opened.content(file));
    const sha256 = context.heavy('hashing the module', () => hash('sha256', wasm));
    const prepared = await store(wasm, context, sha256);
    const guestFiles = isFile ? null : await filesOf(opened, parsed.key, context);
    if (parsed.cid.code === DAG_PB) {
      const names = isFile ? [] : opened.names;
      await writeRecord({ layout, files }, parsed.key, {
        isFile,
        names,
        manifest,
        files: guestFiles?.sha256 ?? null,
        modules: [[file, sha256]],
      });
    }
    return { ...compile(prepared, context), name: isFile ? ownName : file, manifest, files: guestFiles };
  }

  /** Packs what lies beside a package's modules, unless that was done for another of its modules. */
  async function filesOf(
    opened: Exclude<Package, { kind: 'file' }>,
    key: string,
    { heavy }: JobContext,
  ): Promise<PackageFiles | null> {
    const kept = (await readRecord(layout, key))?.files;
    if (kept === null) return null;
    const known = kept === undefined ? undefined : await readFiles(layout, kept);
    if (known !== undefined) return known;
    const found = await opened.files();
    if (found.length === 0) return null;
    const pack = heavy('packing its files', () => encodeFiles(found));
    const packed = decodeFiles(pack);
    if (packed === undefined) throw new Error('files do not unpack');
    await writeFiles({ layout, files }, pack, packed.sha256);
    return packed;
  }

  async function prepareFile(job: Extract<Job, { kind: 'prepare-file' }>, context: JobContext): Promise<Prepared> {
    if (job.bytes.length > maxBytes) {
      throw new InferbaseError(
        'ERR_FUNCTION_TOO_LARGE',
        `${job.name} has ${job.bytes.length} bytes; ${maxBytes} are allowed.`,
      );
    }
    const sha256 = context.heavy('hashing the module', () => hash('sha256', job.bytes));
    return {
      ...compile(await store(job.bytes, context, sha256), context),
      name: job.name,
      manifest: null,
      files: null,
    };
  }

  async function list(job: Extract<Job, { kind: 'list' }>, { signal }: JobContext): Promise<Listing> {
    const opened = await open(parseCid(job.cid), signal);
    if (opened.kind === 'file') {
      const size = await opened.size();
      return { kind: 'file', files: [{ path: '', size }], manifest: null, size };
    }
    const listed: { path: string; size: number }[] = [];
    for (const path of opened.names) {
      const size = await opened.size(path);
      if (size !== null) listed.push({ path, size });
    }
    const size = listed.reduce((sum, file) => sum + file.size, 0);
    return { kind: opened.kind, files: listed, manifest: opened.manifest, size };
  }

  async function fetchAll(job: Extract<Job, { kind: 'fetch' }>, { signal }: JobContext): Promise<Fetched> {
    const { cid } = parseCid(job.cid);
    const reader = readers.reader({ bytes: maxBytes + DAG_SLACK, blocks: MAX_BLOCKS }, signal);
    const seen = new Set<string>();
    for await (const _ of walkDag(cid, reader.read, { seen })) signal.throwIfAborted();
    const linked = await linkedArchive(cid, signal);
    if (linked === undefined) return { linked: [] };
    for await (const _ of walkDag(linked, reader.read, { seen })) signal.throwIfAborted();
    return { linked: [linked.toString()] };
  }

  /** The DAG beside the function's own that it needs; none where it cannot be opened: a store keeps what it is given. */
  async function linkedArchive(cid: CID, signal: AbortSignal): Promise<CID | undefined> {
    if (cid.code !== DAG_PB) return undefined;
    const opened = await open({ cid, key: '' }, signal).catch(() => undefined);
    const archive = opened !== undefined && opened.kind === 'package' ? opened.manifest?.archive : undefined;
    return archive ? (locateArchive(archive.url).cid ?? undefined) : undefined;
  }

  return {
    async run(job, context) {
      if (job.kind === 'prepare') return await prepare(job, context);
      if (job.kind === 'prepare-file') return await prepareFile(job, context);
      if (job.kind === 'list') return await list(job, context);
      if (job.kind === 'fetch') return await fetchAll(job, context);
      const { cid, size } = await addFiles(job.files, (block, bytes) => folder.put(block, bytes), maxBytes);
      return { cid: cid.toString(), size };
    },
  };
}
