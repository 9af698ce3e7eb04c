import { realtimeNs } from './clock.ts';
import type { FileContent } from './file-content.ts';

/** `filetype` of preview 1. */
export const FILETYPE = { unknown: 0, directory: 3, regularFile: 4, symbolicLink: 7 } as const;

/** What all that has a name has; times in ns since the Unix epoch. Reading does not change `atim`. */
export abstract class Inode {
  readonly ino: number;
  abstract readonly type: number;
  atim: bigint;
  #mtim: bigint;
  #ctim: bigint;
  /** When its content changed last, by `performance.now()`, if its times do not tell yet: few who write ask for them. */
  #touchedMs: number | null = null;
  /** Names that lead here. */
  links = 0;
  /** Descriptors that lead here. */
  opens = 0;

  constructor(ino: number, now: bigint) {
    this.ino = ino;
    this.atim = now;
    this.#mtim = now;
    this.#ctim = now;
  }

  /** Its content changes now. */
  touch(): void {
    this.#touchedMs = performance.now();
  }

  get mtim(): bigint {
    this.#settle();
    return this.#mtim;
  }

  set mtim(ns: bigint) {
    this.#settle();
    this.#mtim = ns;
  }

  get ctim(): bigint {
    this.#settle();
    return this.#ctim;
  }

  set ctim(ns: bigint) {
    this.#settle();
    this.#ctim = ns;
  }

  #settle(): void {
    if (this.#touchedMs === null) return;
    this.#ctim = realtimeNs(this.#touchedMs);
    this.#mtim = this.#ctim;
    this.#touchedMs = null;
  }

  abstract get size(): number;
}

export class FileInode extends Inode {
  readonly type = FILETYPE.regularFile;
  readonly content: FileContent;

  constructor(ino: number, now: bigint, content: FileContent) {
    super(ino, now);
    this.content = content;
  }

  get size(): number {
    return this.content.size;
  }
}

export class LinkInode extends Inode {
  readonly type = FILETYPE.symbolicLink;
  /** Relative, never empty. */
  readonly target: string;

  constructor(ino: number, now: bigint, target: string) {
    super(ino, now);
    this.target = target;
  }

  get size(): number {
    return Buffer.byteLength(this.target);
  }
}

export interface DirectoryEntry {
  readonly name: string;
  /** Grows with every name a directory is given; the cookie of `fd_readdir`. 0 and 1 are `.` and `..`. */
  readonly serial: number;
  readonly node: Inode;
}

/** What a directory began with: names, and how an inode is made for one when it is first looked at. */
export interface DirectorySeed {
  readonly names: ReadonlyMap<string, unknown>;
  make(name: string): Inode;
}

export class DirectoryInode extends Inode {
  readonly type = FILETYPE.directory;
  readonly #entries = new Map<string, DirectoryEntry>();
  /** `null` for the root, and once removed. */
  parent: DirectoryInode | null = null;
  removed = false;
  readonly #seed: DirectorySeed | null;
  /** Serials of the seed's names that have no inode yet. */
  readonly #unmade: Map<string, number> | null = null;
  #nextSerial = 2;
  /** Entries by serial, made when they are listed. */
  #ordered: DirectoryEntry[] | null = null;

  constructor(ino: number, now: bigint, seed: DirectorySeed | null = null) {
    super(ino, now);
    this.#seed = seed;
    if (seed === null) return;
    this.#unmade = new Map();
    for (const name of seed.names.keys()) this.#unmade.set(name, this.#nextSerial++);
  }

  get size(): number {
    return 0;
  }

  get empty(): boolean {
    return this.#entries.size === 0 && (this.#unmade?.size ?? 0) === 0;
  }

  get(name: string): Inode | undefined {
    return (this.#entries.get(name) ?? this.#make(name))?.node;
  }

  /** The entry of a name that the directory began with and nobody looked at before. */
  #make(name: string): DirectoryEntry | undefined {
    const serial = this.#unmade?.get(name);
    if (serial === undefined || this.#seed === null) return undefined;
    this.#unmade?.delete(name);
    return this.#insert({ name, serial, node: this.#seed.make(name) });
  }

  /** The name must be free. */
  add(name: string, node: Inode): void {
    const entry = this.#insert({ name, serial: this.#nextSerial++, node });
    this.#ordered?.push(entry);
  }

  #insert(entry: DirectoryEntry): DirectoryEntry {
    this.#entries.set(entry.name, entry);
    entry.node.links++;
    if (entry.node instanceof DirectoryInode) entry.node.parent = this;
    return entry;
  }

  remove(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#ordered = null;
    entry.node.links--;
  }

  /** Entries from a serial on, in the order they were made. */
  *from(serial: number): Generator<DirectoryEntry> {
    if (this.#ordered === null) {
      for (const name of [...(this.#unmade?.keys() ?? [])]) this.#make(name);
      this.#ordered = [...this.#entries.values()].sort((a, b) => a.serial - b.serial);
    }
    const entries = this.#ordered;
    let low = 0;
    for (let high = entries.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((entries[middle]?.serial ?? 0) < serial) low = middle + 1;
      else high = middle;
    }
    for (; low < entries.length; low++) {
      const entry = entries[low];
      if (entry !== undefined) yield entry;
    }
  }
}
