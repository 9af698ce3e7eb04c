import { hash } from 'node:crypto';
import type { CID } from 'multiformats/cid';
import { DAG_PB, digestHex, type ParsedCid, parseCid, RAW } from '../../core/cid.ts';
import { type ErrorCode, InferbaseError } from '../../core/errors.ts';
import type { PreparedModule } from '../../core/module-facts.ts';
import { quoteName } from '../../wasm/invalid-module.ts';
import { checkNames, linkModules } from '../../wasm/link.ts';
import { prepareModule } from '../../wasm/prepare.ts';
import { addFiles } from '../add.ts';
import { locateArchive } from '../archive-location.ts';
import type { AtomicFiles } from '../atomic-file.ts';
import type { BlockFolder } from '../block-folder.ts';
import type { BlockReader, BlockReaders } from '../block-reader.ts';
import { linksOf } from '../dag-links.ts';
import { type Block, walkDag } from '../dag-walk.ts';
import { modulesOf, readRecord, writeRecord } from '../function-record.ts';
import type { Layout } from '../layout.ts';
import { type CompiledLibrary, librariesOf } from '../libraries.ts';
import { createLimit } from '../limit.ts';
import { chooseFile } from '../method.ts';
import { createModuleFolder, putModule } from '../module-folder.ts';
import type { Owner } from '../owner.ts';
import { openPackage, type Package } from '../package.ts';
import { decodeFiles, encodeFiles, type PackageFiles, readFiles, writeFiles } from '../package-files.ts';
import { createUnixfsReader } from '../unixfs.ts';
import { collect } from '../upkeep/collect.ts';
import type { Fetched, Job, Listing, Prepared, Results } from './protocol.ts';

const MAX_BLOCKS = 4096;
/** Room for the inner nodes of a DAG and for an archive beside its manifest. */
const DAG_SLACK = 4 * 1024 * 1024;
/** Blocks that are asked for before their turn. */
const FETCH_AHEAD = 16;
/** A function that is kept, but would not run. */
const CONTENT_ERRORS: readonly ErrorCode[] = ['ERR_INVALID_MANIFEST', 'ERR_INVALID_ARCHIVE', 'ERR_FUNCTION_NOT_FOUND'];

export interface JobContext {
  readonly signal: AbortSignal;
  /** Tells the front thread that this thread will be busy, so that it can end it, and does the step. */
  heavy<T>(step: string, work: () => T): T;
  /** What the job reads its blocks from. */
  readonly reader: BlockReader;
}

export interface Jobs {
  /** @throws InferbaseError whatever kept the job from being done */
  run(job: Job, context: Omit<JobContext, 'reader'>): Promise<Results[keyof Results]>;
}

/** The work of the preparation thread. */
export function createJobs(
  components: { layout: Layout; files: AtomicFiles; folder: BlockFolder; readers: BlockReaders },
  init: { maxFunctionBytes: number; owner: Owner; log: (line: string, fields: object) => void },
): Jobs {
  const { layout, files, folder, readers } = components;
  const { maxFunctionBytes: maxBytes } = init;
  const modules = createModuleFolder({ layout });
  /** CIDs of jobs that run, one for each. */
  const underWay: string[] = [];

  function open({ cid }: Pick<ParsedCid, 'cid'>, { reader, signal }: JobContext): Promise<Package> {
    const unixfs = createUnixfsReader(reader, { bytes: maxBytes, visits: MAX_BLOCKS });
    return openPackage({ unixfs }, { cid, maxBytes, signal });
  }

  /**
   * Checks and rewrites a module unless that was done before, here or by another process.
   * @param libraries names of the modules it may import from
   */
  async function store(
    wasm: Uint8Array,
    { heavy, signal }: JobContext,
    sha256: string,
    libraries: ReadonlySet<string> = new Set(),
  ): Promise<PreparedModule> {
    const known = await modules.get(sha256);
    if (known !== undefined) return known;
    signal.throwIfAborted();
    const prepared = heavy('checking and rewriting the module', () => prepareModule(wasm, libraries));
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
    const wanted = modulesOf(record, method);
    if (wanted === undefined) return undefined;
    const known = await modules.get(wanted.sha256);
    const found = record.files === null ? null : await readFiles(layout, record.files);
    if (known === undefined || found === undefined) return undefined;
    const libraries: CompiledLibrary[] = [];
    for (const { name, sha256 } of wanted.libraries) {
      const library = await modules.get(sha256);
      if (library === undefined) return undefined;
      libraries.push({ name, ...compile(library, context) });
    }
    return {
      ...compile(known, context),
      name: record.isFile ? ownName : wanted.file,
      manifest: record.manifest,
      files: found,
      libraries: linkModules({ name: wanted.file, facts: known.facts }, libraries),
    };
  }

  async function prepare(job: Extract<Job, { kind: 'prepare' }>, context: JobContext): Promise<Prepared> {
    const parsed = parseCid(job.cid);
    const ownName = job.method === '' ? `${job.cid}.wasm` : job.method;
    if (parsed.cid.code === RAW) {
      const known = await modules.get(digestHex(parsed.cid));
      if (known !== undefined) return { ...compile(known, context), name: ownName, ...alone(ownName, known) };
    }
    const remembered = parsed.cid.code === DAG_PB ? await recall(parsed.key, ownName, job.method, context) : undefined;
    if (remembered !== undefined) return remembered;
    const opened = await open(parsed, context);
    const isFile = opened.kind === 'file';
    const manifest = isFile ? null : opened.manifest;
    const file = isFile
      ? ''
      : chooseFile({ names: opened.names, entryModule: manifest?.entryModule ?? null }, job.method);
    const wasm = await (isFile ? opened.content() : opened.content(file));
    const sha256 = context.heavy('hashing the module', () => hash('sha256', wasm));
    const declared = librariesOf(manifest, file);
    const names = new Set(checkNames(declared).keys());
    const prepared = await store(wasm, context, sha256, names);
    const libraries: (CompiledLibrary & { file: string })[] = [];
    for (const { name, file: libraryFile } of declared) {
      const library = await openLibrary(opened, libraryFile);
      const librarySha256 = context.heavy('hashing a library', () => hash('sha256', library));
      const preparedLibrary = await store(library, context, librarySha256, names).catch(inLibrary(name));
      libraries.push({ name, file: libraryFile, ...compile(preparedLibrary, context) });
    }
    const linked = linkModules({ name: file, facts: prepared.facts }, libraries);
    const guestFiles = isFile ? null : await filesOf(opened, parsed.key, context);
    if (parsed.cid.code === DAG_PB) {
      await writeRecord({ layout, files }, parsed.key, {
        isFile,
        names: isFile ? [] : opened.names,
        manifest,
        files: guestFiles?.sha256 ?? null,
        modules: [[file, sha256], ...libraries.map((one) => [one.file, one.facts.sha256] as const)],
      });
    }
    return {
      ...compile(prepared, context),
      name: isFile ? ownName : file,
      manifest,
      files: guestFiles,
      libraries: linked.map(({ name, module, facts }) => ({ name, module, facts })),
    };
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
    const prepared = await store(job.bytes, context, sha256);
    return { ...compile(prepared, context), name: job.name, ...alone(job.name, prepared) };
  }

  async function list(job: Extract<Job, { kind: 'list' }>, context: JobContext): Promise<Listing> {
    const opened = await open(parseCid(job.cid), context);
    if (opened.kind === 'file') {
      const size = await opened.size();
      return { kind: 'file', files: [{ path: '', size }], manifest: null, size };
    }
    const files = await opened.list();
    const size = files.reduce((sum, file) => sum + file.size, 0);
    return { kind: opened.kind, files, manifest: opened.manifest, size };
  }

  async function fetchAll(job: Extract<Job, { kind: 'fetch' }>, context: JobContext): Promise<Fetched> {
    const { cid } = parseCid(job.cid);
    const seen = new Set<string>();
    await readAll(cid, seen, context);
    const linked = await linkedArchive(cid, context);
    if (linked === undefined) return { linked: [] };
    await readAll(linked, seen, context);
    return { linked: [linked.toString()] };
  }

  /** Reads every block below a CID, several at the same time. */
  async function readAll(root: CID, seen: Set<string>, { reader, signal }: JobContext): Promise<void> {
    const ahead = createLimit(FETCH_AHEAD);
    const links = async (block: Block): Promise<readonly CID[]> => {
      const found = await linksOf(block.cid, block.bytes);
      // The walk meets whatever goes wrong with them.
      for (const link of found) void ahead(() => reader.read(link)).catch(() => {});
      return found;
    };
    for await (const _ of walkDag(root, reader.read, { seen, links })) signal.throwIfAborted();
  }

  /** The DAG beside the function's own that it needs; none where it cannot be opened: a store keeps what it is given. */
  async function linkedArchive(cid: CID, context: JobContext): Promise<CID | undefined> {
    if (cid.code !== DAG_PB) return undefined;
    try {
      const opened = await open({ cid }, context);
      const archive = opened.kind === 'package' ? opened.manifest?.archive : undefined;
      return archive ? (locateArchive(archive.url).cid ?? undefined) : undefined;
    } catch (error) {
      if (error instanceof InferbaseError && CONTENT_ERRORS.includes(error.code)) return undefined;
      throw error;
    }
  }

  async function add({ files: given }: Extract<Job, { kind: 'add' }>): Promise<Results['add']> {
    const writes: Promise<void>[] = [];
    const put = (block: CID, bytes: Uint8Array): Promise<void> => {
      const write = folder.put(block, bytes);
      writes.push(write);
      return write;
    };
    try {
      const { cid, size } = await addFiles(given, put, maxBytes);
      return { cid: cid.toString(), size };
    } finally {
      // The importer leaves at the first failure; others are still being written.
      await Promise.allSettled(writes);
    }
  }

  async function work(job: Job, context: JobContext): Promise<Results[keyof Results]> {
    if (job.kind === 'prepare') return await prepare(job, context);
    if (job.kind === 'prepare-file') return await prepareFile(job, context);
    if (job.kind === 'list') return await list(job, context);
    if (job.kind === 'fetch') return await fetchAll(job, context);
    if (job.kind === 'collect') {
      const inUse = [...job.inUse, ...underWay];
      return await collect({ layout, folder, owner: init.owner }, { ...job, inUse, signal: context.signal });
    }
    return await add(job);
  }

  return {
    async run(job, context) {
      const cid = 'cid' in job ? job.cid : undefined;
      if (cid !== undefined) underWay.push(cid);
      const reader = readers.reader({ bytes: maxBytes + DAG_SLACK, blocks: MAX_BLOCKS }, context.signal);
      const began = performance.now();
      try {
        const result = await work(job, { ...context, reader });
        await reader.settled();
        return result;
      } finally {
        if (cid !== undefined) underWay.splice(underWay.indexOf(cid), 1);
        reader.close();
        // After a failure too, nobody is still writing once it is told.
        await reader.settled().catch(() => {});
        const sources = reader.shares();
        if (sources.length > 0) {
          init.log('fetched', { cid, ms: Math.round(performance.now() - began), sources });
        }
      }
    },
  };
}

/** A module without a package, which may have been prepared as a part of one. */
function alone(name: string, { facts }: PreparedModule): Pick<Prepared, 'manifest' | 'files' | 'libraries'> {
  return { manifest: null, files: null, libraries: linkModules({ name, facts }, []) };
}

async function openLibrary(opened: Package, file: string): Promise<Uint8Array> {
  if (opened.kind === 'file') throw new TypeError('one file has no libraries');
  return await opened.content(file);
}

/** Says which of several modules is refused. */
function inLibrary(name: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof InferbaseError) || error.code !== 'ERR_INVALID_MODULE') throw error;
    throw new InferbaseError(error.code, `library ${quoteName(name)}: ${error.message}`, { cause: error });
  };
}
