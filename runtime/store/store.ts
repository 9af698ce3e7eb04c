import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { CID } from 'multiformats/cid';
import { checkCatching } from '../core/catching.ts';
import { DAG_PB, digestHex, type ParsedCid, parseCid } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import type { SeedFile } from '../core/execution.ts';
import type { Manifest } from '../core/manifest.ts';
import { linkModules } from '../wasm/link.ts';
import { importCar } from './car/import-car.ts';
import { writeCar } from './car/write-car.ts';
import { findMissing } from './dag-mark.ts';
import { walkDag } from './dag-walk.ts';
import { modulesOf, readRecord } from './function-record.ts';
import type { FunctionStore, StoredFunction, StoreInit } from './function-store.ts';
import type { CompiledLibrary } from './libraries.ts';
import { createLocalBlocks } from './local-blocks.ts';
import { createModuleFolder } from './module-folder.ts';
import { type PackageFiles, readFiles } from './package-files.ts';
import { createPeers, type Peers } from './peers/client.ts';
import { createPreparation } from './preparation/client.ts';
import type { Prepared } from './preparation/protocol.ts';
import { isPreparedHere } from './prepared-here.ts';
import { createSingleFlight } from './single-flight.ts';
import { checkGateways } from './sources/gateway-source.ts';
import type { SourcePort } from './sources/port-source.ts';
import { openStoreFolder } from './store-folder.ts';
import type { Collected } from './upkeep/collect.ts';
import { createSizeKeeper } from './upkeep/size-keeper.ts';

export type { FunctionStore, StoredFunction, StoreInit } from './function-store.ts';

/** Largest rewritten module that the front thread reads and checks itself: hashing more would hold up HTTP. */
const FRONT_BYTES = 1024 * 1024;
/** Methods of functions remembered by name; the modules themselves are counted by bytes. */
const MAX_NAMES = 10_000;
const MAX_METHOD = 1024;
/** Files of packages kept in memory, in bytes. */
const FILES_BYTES = 64 * 1024 * 1024;
const NO_FILES: readonly SeedFile[] = [];
/** Only a bound for what is counted: blocks of a CAR are not held in memory. */
const MAX_CAR_BLOCKS = 10_000_000;

/** What a caller's words lead to, once known. */
interface Named {
  readonly sha256: string;
  readonly name: string;
  readonly manifest: Manifest | null;
  /** Sha-256 of its `PackageFiles`. */
  readonly files: string | null;
  readonly libraries: readonly { readonly name: string; readonly sha256: string }[];
}

/**
 * Opens the store in a data folder, which several processes may share.
 * @throws InferbaseError `ERR_STORE_UNAVAILABLE` when the folder cannot be written, `ERR_INVALID_SETTING` for a gateway
 */
export async function createStore(init: StoreInit): Promise<FunctionStore> {
  checkGateways(init.gateways);
  const { gateways, connectSources, log, onStep, maxFunctionBytes = 64 * 1024 * 1024 } = init;
  const data = await openStoreFolder({ dataDir: init.dataDir, log, onStep });
  const { layout, owner, pins } = data;
  const { dataDir } = layout;
  const { sourceTimeoutMs = 10_000, totalTimeoutMs = 60_000, cpuTimeoutMs = 10_000, patienceMs = 1_000 } = init;
  const thread = { dataDir, gateways, sourceTimeoutMs, totalTimeoutMs, patienceMs, maxFunctionBytes, owner };
  const peers =
    init.peers &&
    createPeers({
      ...{ dataDir, owner, log, ...init.peers },
      // Shorter than the race's, so that it is told which peer did not answer.
      timeoutMs: Math.ceil(sourceTimeoutMs * 0.9),
      onReplaced: () => {
        if (init.peers?.bitswap === true) preparation.renewSource(peerSource());
      },
    });
  const peerSource = (): SourcePort => ({ name: 'peers', port: (peers as Peers).openPort() });
  const preparation = createPreparation({
    ...{ thread, cpuTimeoutMs, maxTypes: init.maxTypes, log, onStep },
    connectSources: () => [...(connectSources?.() ?? []), ...(init.peers?.bitswap === true ? [peerSource()] : [])],
  });
  const moduleFolder = createModuleFolder({ layout });
  const local = createLocalBlocks({ folder: data.blocks });
  const collect = (maxBytes: number): Promise<Collected> => {
    // What is in memory is likely to be asked for again, of this process or the next.
    const recent = [...names].filter(([, { sha256 }]) => modules.has(sha256)).map(([asked]) => cidAsked(asked));
    return preparation.run({ kind: 'collect', maxBytes, inUse: local.served(), recent }, forever);
  };
  const sizeKeeper = createSizeKeeper({ collect, log });
  const flights = createSingleFlight<Prepared>();
  const forever = new AbortController().signal;
  let catching: readonly string[] = [];

  const modules = new LRUCache<string, Pick<Prepared, 'module' | 'facts'>>({
    maxSize: init.memoryBytes ?? 64 * 1024 * 1024,
    sizeCalculation: ({ facts }) => Math.max(1, facts.size),
  });
  /** By CID and method as the caller wrote them: a hit costs no parsing. */
  const names = new LRUCache<string, Named>({ max: MAX_NAMES });

  /** By their sha-256. */
  const fileSets = new LRUCache<string, PackageFiles>({
    maxSize: FILES_BYTES,
    sizeCalculation: ({ bytes, seeds }) => bytes + seeds.length * 256,
  });

  function fromMemory(known: Named | undefined): StoredFunction | undefined {
    const compiled = known === undefined ? undefined : modules.get(known.sha256);
    if (known === undefined || compiled === undefined) return undefined;
    const { module, facts } = compiled;
    const { name, manifest } = known;
    const files = known.files === null ? NO_FILES : fileSets.get(known.files)?.seeds;
    if (files === undefined) return undefined;
    if (known.libraries.length === 0) return { module, facts, name, manifest, files };
    const libraries: CompiledLibrary[] = [];
    for (const library of known.libraries) {
      const found = modules.get(library.sha256);
      if (found === undefined) return undefined;
      libraries.push({ name: library.name, ...found });
    }
    return { module, facts, name, manifest, files, libraries };
  }

  function remember({ module, facts }: Pick<Prepared, 'module' | 'facts'>): void {
    checkCatching(facts, catching);
    modules.set(facts.sha256, { module, facts });
  }

  /** The sandbox threads know files by identity: where equal ones are at hand, those are used. */
  function rememberFiles(files: PackageFiles | null): readonly SeedFile[] {
    if (files === null) return NO_FILES;
    const known = fileSets.get(files.sha256);
    if (known !== undefined) return known.seeds;
    fileSets.set(files.sha256, files);
    return files.seeds;
  }

  /** Which module it is, without the preparation thread; `undefined` when that is not known here. */
  async function locate({ cid, key }: ParsedCid, text: string, method: string): Promise<Named | undefined> {
    const ownName = method === '' ? `${text}.wasm` : method;
    if (cid.code !== DAG_PB) {
      return { sha256: digestHex(cid), name: ownName, manifest: null, files: null, libraries: [] };
    }
    const record = await readRecord(layout, key);
    if (record === undefined) return undefined;
    const known = modulesOf(record, method);
    if (known === undefined) return undefined;
    const { isFile, manifest, files } = record;
    const { file, sha256, libraries } = known;
    return { sha256, name: isFile ? ownName : file, manifest, files, libraries };
  }

  /** The hot path of a first execution: a small rewritten module is read and compiled right here. */
  async function fromDisk(sha256: string): Promise<Pick<Prepared, 'module' | 'facts'> | undefined> {
    const entry = await moduleFolder.get(sha256, FRONT_BYTES);
    if (entry === undefined) return undefined;
    try {
      preparation.countTypes(entry.facts);
      const module = await WebAssembly.compile(entry.bytes as Uint8Array<ArrayBuffer>);
      return { module, facts: entry.facts };
    } catch {
      // Written by an engine that knew more: the preparation thread says what is wrong with it.
      return undefined;
    }
  }

  /** A function all of whose modules are in memory or rewritten on disk. */
  async function fromHere(known: Named): Promise<Prepared | undefined> {
    const { sha256, name, manifest, libraries: wanted } = known;
    const compiled = modules.get(sha256) ?? (await fromDisk(sha256));
    if (compiled === undefined) return undefined;
    const libraries: CompiledLibrary[] = [];
    for (const library of wanted) {
      const found = modules.get(library.sha256) ?? (await fromDisk(library.sha256));
      if (found === undefined) return undefined;
      libraries.push({ name: library.name, ...found });
    }
    const files =
      known.files === null ? null : (fileSets.get(known.files) ?? (await readFiles(layout, known.files, FRONT_BYTES)));
    if (files === undefined) return undefined;
    const linked = linkModules({ name, facts: compiled.facts }, libraries);
    return { ...compiled, name, manifest, files, libraries: linked };
  }

  async function load(parsed: ParsedCid, text: string, method: string, signal: AbortSignal): Promise<Prepared> {
    const known = await locate(parsed, text, method);
    const here = known === undefined ? undefined : await fromHere(known);
    if (here !== undefined) return here;
    return await preparation.run({ kind: 'prepare', cid: text, method }, signal);
  }

  async function readHere(cid: CID): Promise<Uint8Array> {
    const bytes = await data.blocks.get(cid);
    if (bytes !== undefined) return bytes;
    throw new InferbaseError('ERR_INTEGRITY', `Block ${cid} was lost or damaged while it was read; try again.`);
  }

  return {
    async get(text, { method, signal }) {
      const asked = askedKey(text, method);
      const hit = fromMemory(names.get(asked));
      if (hit !== undefined) return hit;
      if (method.length > MAX_METHOD) {
        throw new InferbaseError(
          'ERR_FUNCTION_NOT_FOUND',
          `The method has ${method.length} characters; at most ${MAX_METHOD} are a file name.`,
        );
      }
      const parsed = parseCid(text);
      // One file is the same work whatever the method; only its name differs.
      const isRaw = parsed.cid.code !== DAG_PB;
      const flight = isRaw ? parsed.key : `${parsed.key}\0${method}`;
      const found = await flights.join(flight, signal, (shared) => load(parsed, text, method, shared));
      const name = isRaw ? (method === '' ? `${text}.wasm` : method) : found.name;
      const { module, facts, manifest, libraries } = found;
      const result = { module, facts, name, manifest, files: rememberFiles(found.files), libraries };
      remember(result);
      sizeKeeper.grown();
      for (const library of libraries) remember(library);
      const linked = libraries.map((library) => ({ name: library.name, sha256: library.facts.sha256 }));
      const files = found.files?.sha256 ?? null;
      names.set(asked, { sha256: facts.sha256, name, manifest, files, libraries: linked });
      return result;
    },

    async has(text, method) {
      if (method.length > MAX_METHOD) return false;
      if (fromMemory(names.get(askedKey(text, method))) !== undefined) return true;
      return await isPreparedHere(layout, parseCid(text), method, (sha256) => modules.has(sha256));
    },

    async prepareFile(bytes, name) {
      const small = bytes.length <= FRONT_BYTES;
      const compiled = small ? await fromDisk(hash('sha256', bytes)) : undefined;
      if (compiled !== undefined) linkModules({ name, facts: compiled.facts }, []);
      const found = compiled ?? (await preparation.run({ kind: 'prepare-file', bytes, name }, forever));
      remember(found);
      return { module: found.module, facts: found.facts, name, manifest: null, files: NO_FILES };
    },

    async add(newFiles) {
      const added = await preparation.run({ kind: 'add', files: newFiles }, forever);
      sizeKeeper.grown();
      return added;
    },

    async pin(text, name) {
      const { cid } = parseCid(text);
      const { linked } = await preparation.run({ kind: 'fetch', cid: text }, forever);
      await pins.add({ cid: cid.toString(), name, linked });
      // From here on nothing of it is collected; until then, another process may have.
      for (const root of [cid, ...linked.map((other) => parseCid(other).cid)]) {
        const { count } = await findMissing(root, data.blocks);
        if (count > 0) await preparation.run({ kind: 'fetch', cid: text }, forever);
      }
      sizeKeeper.grown();
    },

    unpin: async (text) => await pins.remove(parseCid(text).cid.toString()),

    pins: () => pins.list(),

    list: async (text, { signal }) => {
      parseCid(text);
      return await preparation.run({ kind: 'list', cid: text }, signal);
    },

    importCar: (source, { maxBytes, ...options }) =>
      importCar({ folder: data.blocks }, source, { ...options, caps: { bytes: maxBytes, blocks: MAX_CAR_BLOCKS } }),

    async *exportCar(text, { signal }) {
      const { cid } = parseCid(text);
      if ((await findMissing(cid, data.blocks)).count > 0) await preparation.run({ kind: 'fetch', cid: text }, signal);
      yield* writeCar([cid], walkDag(cid, readHere));
    },

    refuseCatching(encodings) {
      catching = encodings;
      // From memory nothing is looked at again.
      modules.clear();
    },

    local,

    keepWithin: (maxBytes) => sizeKeeper.start(maxBytes),
    joinPeers: async (membership) => (await peers?.join(membership)) ?? [],

    warm: () => preparation.warm(),

    async close() {
      sizeKeeper.close();
      await preparation.close();
      await peers?.close();
      data.close();
      modules.clear();
      names.clear();
      fileSets.clear();
    },
  };
}

/** What a caller asked for, as a key: the length keeps two pairs from making one. */
function askedKey(cid: string, method: string): string {
  return `${cid.length}\0${cid}${method}`;
}

/** The CID in such a key. */
function cidAsked(asked: string): string {
  const at = asked.indexOf('\0') + 1;
  return asked.slice(at, at + Number.parseInt(asked, 10));
}
