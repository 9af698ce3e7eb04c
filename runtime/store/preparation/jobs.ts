import { hash } from 'node:crypto';
import { DAG_PB, digestHex, type ParsedCid, parseCid, RAW } from '../../core/cid.ts';
import { InferbaseError } from '../../core/errors.ts';
import type { PreparedModule } from '../../core/module-facts.ts';
import { prepareModule } from '../../wasm/prepare.ts';
import { addFiles } from '../add.ts';
import type { AtomicFiles } from '../atomic-file.ts';
import type { BlockFolder } from '../block-folder.ts';
import type { BlockReaders } from '../block-reader.ts';
import { writeRecord } from '../function-record.ts';
import type { Layout } from '../layout.ts';
import { chooseFile } from '../method.ts';
import { createModuleFolder, putModule } from '../module-folder.ts';
import { openPackage, type Package } from '../package.ts';
import { createUnixfsReader } from '../unixfs.ts';
import type { Job, Listing, Prepared, Results } from './protocol.ts';

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

  async function prepare(job: Extract<Job, { kind: 'prepare' }>, context: JobContext): Promise<Prepared> {
    const parsed = parseCid(job.cid);
    const ownName = job.method === '' ? `${job.cid}.wasm` : job.method;
    if (parsed.cid.code === RAW) {
      const known = await modules.get(digestHex(parsed.cid));
      if (known !== undefined) return { ...compile(known, context), name: ownName, manifest: null };
    }
    const opened = await open(parsed, context.signal);
    const isFile = opened.kind === 'file';
    const manifest = isFile ? null : opened.manifest;
    const file = isFile
      ? ''
      : chooseFile({ names: opened.names, entryModule: manifest?.entryModule ?? null }, job.method);
    const wasm = await (isFile ? opened.content() : opened.content(file));
    const sha256 = context.heavy('hashing the module', () => hash('sha256', wasm));
    const prepared = await store(wasm, context, sha256);
    if (parsed.cid.code === DAG_PB) {
      const names = isFile ? [] : opened.names;
      await writeRecord({ layout, files }, parsed.key, { isFile, names, manifest, modules: [[file, sha256]] });
    }
    return { ...compile(prepared, context), name: isFile ? ownName : file, manifest };
  }

  async function prepareFile(job: Extract<Job, { kind: 'prepare-file' }>, context: JobContext): Promise<Prepared> {
    if (job.bytes.length > maxBytes) {
      throw new InferbaseError(
        'ERR_FUNCTION_TOO_LARGE',
        `${job.name} has ${job.bytes.length} bytes; ${maxBytes} are allowed.`,
      );
    }
    const sha256 = context.heavy('hashing the module', () => hash('sha256', job.bytes));
    return { ...compile(await store(job.bytes, context, sha256), context), name: job.name, manifest: null };
  }

  async function list(job: Extract<Job, { kind: 'list' }>, { signal }: JobContext): Promise<Listing> {
    const opened = await open(parseCid(job.cid), signal);
    if (opened.kind === 'file') {
      if (job.whole) await opened.content();
      const size = await opened.size();
      return { kind: 'file', files: [{ path: '', size }], manifest: null, size };
    }
    const listed: { path: string; size: number }[] = [];
    for (const path of opened.names) {
      const size = await opened.size(path);
      if (size === null) continue;
      if (job.whole) await opened.content(path);
      listed.push({ path, size });
    }
    const size = listed.reduce((sum, file) => sum + file.size, 0);
    return { kind: opened.kind, files: listed, manifest: opened.manifest, size };
  }

  return {
    async run(job, context) {
      if (job.kind === 'prepare') return await prepare(job, context);
      if (job.kind === 'prepare-file') return await prepareFile(job, context);
      if (job.kind === 'list') return await list(job, context);
      const { cid, size } = await addFiles(job.files, (block, bytes) => folder.put(block, bytes), maxBytes);
      return { cid: cid.toString(), size };
    },
  };
}
