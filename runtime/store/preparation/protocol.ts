import type { ErrorData } from '../../core/errors.ts';
import type { Manifest } from '../../core/manifest.ts';
import type { ModuleFacts } from '../../core/module-facts.ts';
import type { NewFile } from '../add.ts';
import type { CompiledLibrary } from '../libraries.ts';
import type { Owner } from '../owner.ts';
import type { PackageFiles } from '../package-files.ts';
import type { SourcePort } from '../sources/port-source.ts';
import type { Collected } from '../upkeep/collect.ts';

/** Everything that the front thread and the preparation thread say to each other. */

/** What a preparation thread is started with. */
export interface ThreadData {
  readonly dataDir: string;
  readonly gateways: readonly string[];
  /** Sources beside the gateways, whose work is done in other threads. */
  readonly sources: readonly SourcePort[];
  readonly sourceTimeoutMs: number;
  readonly totalTimeoutMs: number;
  /** How long a whole function in one answer may bring little before its blocks are asked for one by one. */
  readonly patienceMs: number;
  readonly maxFunctionBytes: number;
  readonly owner: Owner;
  /** One i32: the thread waits here until the front thread has seen a step. `null`: steps are not told. */
  readonly stepCell: SharedArrayBuffer | null;
}

export type Job =
  | { readonly kind: 'prepare'; readonly cid: string; readonly method: string }
  | { readonly kind: 'prepare-file'; readonly bytes: Uint8Array; readonly name: string }
  | { readonly kind: 'add'; readonly files: readonly NewFile[] }
  | { readonly kind: 'list'; readonly cid: string }
  /** Fetches every block below a CID. */
  | { readonly kind: 'fetch'; readonly cid: string }
  /** Removes what nobody keeps, past a size. */
  | {
      readonly kind: 'collect';
      readonly maxBytes: number;
      readonly inUse: readonly string[];
      readonly recent: readonly string[];
    };

/** A function that is compiled; sending a compiled module to another thread costs nothing. */
export interface Prepared {
  readonly module: WebAssembly.Module;
  readonly facts: ModuleFacts;
  readonly name: string;
  readonly manifest: Manifest | null;
  /** What lies beside its modules; `null`: nothing does. */
  readonly files: PackageFiles | null;
  /** Modules it is linked to, in the order to instantiate them in. */
  readonly libraries: readonly CompiledLibrary[];
}

export interface Listing {
  readonly kind: 'file' | 'directory' | 'package';
  /** All files but the manifest; one file with path '' where the CID is a file. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly manifest: Manifest | null;
  /** Sum of the files, in bytes. */
  readonly size: number;
}

export interface Fetched {
  /** CIDs of what belongs to it and is not below it: an archive that the manifest names by a CID of its own. */
  readonly linked: readonly string[];
}

/** What each kind of job leads to. */
export interface Results {
  readonly prepare: Prepared;
  readonly 'prepare-file': Prepared;
  readonly add: { readonly cid: string; readonly size: number };
  readonly list: Listing;
  readonly fetch: Fetched;
  readonly collect: Collected;
}

export type ToThread =
  | { readonly type: 'run'; readonly id: number; readonly job: Job }
  | { readonly type: 'abort'; readonly id: number }
  /** The thread behind one of the sources was replaced. */
  | { readonly type: 'source'; readonly source: SourcePort }
  | { readonly type: 'close' };

export type FromThread =
  | { readonly type: 'ready' }
  /** A step that keeps the thread busy begins, or has ended: it is this job's time that counts. */
  | { readonly type: 'heavy'; readonly id: number; readonly step: string }
  | {
      readonly type: 'light';
      readonly id: number;
      /** Function types that V8 keeps since the last such message. */
      readonly types: number;
    }
  | { readonly type: 'done'; readonly id: number; readonly result: Results[keyof Results] }
  | { readonly type: 'failed'; readonly id: number; readonly error: ErrorData }
  | { readonly type: 'step'; readonly step: string }
  | { readonly type: 'log'; readonly line: string; readonly fields: object };
