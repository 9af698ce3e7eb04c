import type { SeedFile } from '../core/execution.ts';
import type { LocalBlocks } from '../core/local-blocks.ts';
import type { Manifest } from '../core/manifest.ts';
import type { ModuleFacts } from '../core/module-facts.ts';
import type { NewFile } from './add.ts';
import type { CarImport } from './car/import-car.ts';
import type { CompiledLibrary } from './libraries.ts';
import type { PeersInit } from './peers/client.ts';
import type { Membership, PeersThreadData } from './peers/protocol.ts';
import type { Pin } from './pins.ts';
import type { Listing } from './preparation/protocol.ts';
import type { SourcePort } from './sources/port-source.ts';

export interface StoredFunction {
  readonly module: WebAssembly.Module;
  readonly facts: ModuleFacts;
  /** argv[0] */
  readonly name: string;
  readonly manifest: Manifest | null;
  /** What lies under `/` of its guests: the files of its package. The same array for the same files. */
  readonly files: readonly SeedFile[];
  /** Modules of its package that it is linked to, in the order to instantiate them in. */
  readonly libraries?: readonly CompiledLibrary[];
}

export interface StoreInit {
  readonly dataDir: string;
  /** Base URLs of trustless gateways; none: only what is in the folder. */
  readonly gateways: readonly string[];
  /**
   * Further sources of blocks, beside the gateways, in other threads: called when a preparation thread starts, and again
   * for the one that replaces it. `serveSource` answers at the other end of each port.
   */
  readonly connectSources?: () => readonly SourcePort[];
  /** Peers are asked for blocks, and served once the store has joined them; left out: there are none. */
  readonly peers?: StorePeers | undefined;
  /** For one block from one source, in ms; default 10 000. */
  readonly sourceTimeoutMs?: number;
  /** How long a function that comes in one answer may bring little before its blocks are asked for one by one; default 1 000. */
  readonly patienceMs?: number;
  /** For a whole function, in ms; default 60 000. */
  readonly totalTimeoutMs?: number;
  /** Longest a step of preparing may take, in ms; default 10 000. */
  readonly cpuTimeoutMs?: number;
  /** Compiled modules kept in memory, in bytes of their originals; default 64 MiB. */
  readonly memoryBytes?: number;
  /** Default 64 MiB. */
  readonly maxFunctionBytes?: number;
  /** Most function types of all modules this process takes in; default 1 500 000, near what V8 can hold. */
  readonly maxTypes?: number;
  readonly log: (line: string, fields?: object) => void;
  /** For tests: called at each step of a write, which waits for it to return. */
  readonly onStep?: (step: string) => void;
}

export interface StorePeers
  extends Pick<
      PeersThreadData,
      'connect' | 'bitswap' | 'serve' | 'maxConnections' | 'maxPerAddress' | 'allow' | 'more'
    >,
    Pick<PeersInit, 'entry' | 'onPort'> {}

export interface FunctionStore {
  /**
   * A function by CID, compiled: from memory, from rewritten modules on disk, from blocks on disk, from gateways.
   * @param options.method file name in a package; kept as argv[0] where the CID is one file
   * @throws InferbaseError see `core/errors.ts`; `ERR_CANCELLED` when the signal aborts
   */
  get(cid: string, options: { method: string; signal: AbortSignal }): Promise<StoredFunction>;
  /**
   * Whether a function is here, ready to run: asks nobody, and reads no more than its record.
   * @param method empty: whichever module of it
   * @throws InferbaseError `ERR_INVALID_CID`
   */
  has(cid: string, method: string): Promise<boolean>;
  /** A module that is no part of any DAG. */
  prepareFile(bytes: Uint8Array, name: string): Promise<StoredFunction>;
  /** Adds one file (path '') or a directory as UnixFS; the CID is what every `unixfs-v1-2025` importer gives. */
  add(files: readonly NewFile[]): Promise<{ cid: string; size: number }>;
  /** Fetches all of a CID and remembers it. */
  pin(cid: string, name: string): Promise<void>;
  /** @returns whether it was pinned; its blocks stay until they are collected */
  unpin(cid: string): Promise<boolean>;
  pins(): Promise<readonly Pin[]>;
  /** What a CID is and which files it has. */
  list(cid: string, options: { signal: AbortSignal }): Promise<Listing>;
  /**
   * Stores the blocks of a CAR as it streams in, each of them checked, and checks that nothing below its roots is missing.
   * @param options.maxBytes of the whole archive
   * @throws InferbaseError `ERR_INVALID_ARCHIVE`, `ERR_INTEGRITY`, `ERR_FUNCTION_TOO_LARGE`; see `importCar`
   */
  importCar(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: CarOptions): Promise<CarImport>;
  /**
   * A CAR of everything below a CID, depth first, each block once. What is not here is fetched before the first byte.
   * @throws InferbaseError as {@link get}
   */
  exportCar(cid: string, options: { signal: AbortSignal }): AsyncGenerator<Uint8Array, void, void>;
  /** What is here, for other nodes. */
  readonly local: LocalBlocks;
  /** From now on what nobody keeps is removed where blocks and prepared modules pass this size. See `upkeep/collect.ts`. */
  keepWithin(maxBytes: number): void;
  /**
   * Becomes a peer that others can reach and fetch from; without `peers` nothing happens.
   * @returns multiaddrs to reach it at
   * @throws InferbaseError `ERR_INVALID_SETTING` when it cannot listen
   */
  joinPeers(membership: Membership): Promise<readonly string[]>;
  /** Starts the preparation thread ahead of its first job. */
  warm(): void;
  /** From here on, modules that catch exceptions in one of these encodings are refused. See `core/catching.ts`. */
  refuseCatching(encodings: readonly string[]): void;
  close(): Promise<void>;
}

export interface CarOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Called after each block with the bytes of blocks so far. */
  readonly onProgress?: (bytes: number) => void;
}
