import type { SeedFile } from '../../core/execution.ts';
import type { Host } from '../host.ts';
import { realtimeNs } from './clock.ts';
import { ERRNO } from './errno.ts';
import type { DirectoryInode, FileInode } from './inode.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS, RIGHT } from './rights.ts';
import { seedTree } from './seed-tree.ts';
import { DEFAULT_STORAGE, Storage } from './storage.ts';
import { VirtualFs } from './virtual-fs.ts';

interface Common {
  /** What may be done with it: a set of `RIGHT`. */
  rights: number;
  /** What may be done at most with what is opened below it. */
  inheriting: number;
  /** `fdflags`. */
  flags: number;
  /** Of a file, and of standard input, in bytes. */
  position: number;
}

export interface StreamDescriptor extends Common {
  readonly kind: 'stdin' | 'stdout' | 'stderr';
}

export interface FileDescriptor extends Common {
  readonly kind: 'file';
  readonly node: FileInode;
}

export interface DirectoryDescriptor extends Common {
  readonly kind: 'directory';
  readonly node: DirectoryInode;
  /** Name of what was open from the start. */
  readonly preopen: Uint8Array | null;
}

export type Descriptor = StreamDescriptor | FileDescriptor | DirectoryDescriptor;

export const FDFLAG_APPEND = 1;
/** Most descriptors of an execution, standard streams included. */
const MAX_DESCRIPTORS = 1_024;
const FIRST_PREOPEN = 3;
const NO_SEEDS: readonly SeedFile[] = [];
const ROOT_NAME = new TextEncoder().encode('/');

/**
 * The descriptors of one execution: 0 to 2 are standard streams, 3 is the directory `/`. Its files come to be when 3 or
 * anything above is first named, so an execution that only prints has none.
 */
export class Descriptors {
  readonly #host: Pick<Host, 'context' | 'handles' | 'onClose'>;
  readonly #table: (Descriptor | undefined)[] = [
    stream('stdin', RIGHT.fdRead, 0),
    stream('stdout', RIGHT.fdWrite, FDFLAG_APPEND),
    stream('stderr', RIGHT.fdWrite, FDFLAG_APPEND),
  ];
  #open: { readonly fs: VirtualFs; readonly storage: Storage } | null = null;

  constructor(host: Pick<Host, 'context' | 'handles' | 'onClose'>) {
    this.#host = host;
  }

  get fs(): VirtualFs {
    return this.#mounted().fs;
  }

  get(fd: number): Descriptor | undefined {
    if (fd >= FIRST_PREOPEN && this.#open === null) this.#mounted();
    return this.#table[fd >>> 0];
  }

  /** @returns a descriptor that has all of these rights; else badf or notcapable */
  allowed(fd: number, rights: number): Descriptor | number {
    const descriptor = this.get(fd);
    if (descriptor === undefined) return ERRNO.badf;
    if ((descriptor.rights & rights) === rights) return descriptor;
    return isStream(descriptor) ? ERRNO.badf : ERRNO.notcapable;
  }

  /** @returns a regular file with these rights; else badf, notcapable, or `streamErrno` for a standard stream */
  file(fd: number, rights: number, streamErrno: number): FileDescriptor | number {
    const descriptor = this.get(fd);
    if (descriptor === undefined) return ERRNO.badf;
    if (isStream(descriptor)) return streamErrno;
    // A directory has none of a file's rights.
    return descriptor.kind === 'file' && (descriptor.rights & rights) === rights ? descriptor : ERRNO.notcapable;
  }

  /** @returns a directory with these rights; else badf, notdir, notcapable */
  directory(fd: number, rights: number): DirectoryDescriptor | number {
    const descriptor = this.get(fd);
    if (descriptor === undefined) return ERRNO.badf;
    if (descriptor.kind !== 'directory') return ERRNO.notdir;
    return (descriptor.rights & rights) === rights ? descriptor : ERRNO.notcapable;
  }

  /** Errno of a file that was to be that large, in bytes, and may not. */
  fullErrno(size: number): number {
    return size > this.#mounted().storage.limits.bytes ? ERRNO.fbig : ERRNO.nospc;
  }

  /** @returns success, or the errno for which nothing can be opened now: mfile, nfile */
  room(): number {
    if (this.#lowestFree() >= MAX_DESCRIPTORS || this.#host.handles.full) return ERRNO.mfile;
    // Given back at once: the one who asks opens in the same call.
    if (!this.#mounted().storage.takeHandle()) return ERRNO.nfile;
    this.#mounted().storage.giveHandle();
    return ERRNO.success;
  }

  /** Gives it the lowest free number; ask for `room` before. */
  open(descriptor: FileDescriptor | DirectoryDescriptor): number {
    const fd = this.#lowestFree();
    this.#table[fd] = descriptor;
    descriptor.node.opens++;
    this.#mounted().storage.takeHandle();
    this.#host.handles.take();
    return fd;
  }

  close(fd: number): number {
    const descriptor = this.get(fd);
    if (descriptor === undefined) return ERRNO.badf;
    this.#table[fd >>> 0] = undefined;
    this.#closed(descriptor);
    return ERRNO.success;
  }

  /** `to` becomes what `from` was, and `from` is closed. Both must be open. */
  renumber(from: number, to: number): number {
    const descriptor = this.get(from);
    const replaced = this.get(to);
    if (descriptor === undefined || replaced === undefined) return ERRNO.badf;
    if (descriptor === replaced) return ERRNO.success;
    this.#table[from >>> 0] = undefined;
    this.#table[to >>> 0] = descriptor;
    this.#closed(replaced);
    return ERRNO.success;
  }

  #closed(descriptor: Descriptor): void {
    if (isStream(descriptor)) return;
    const { fs, storage } = this.#mounted();
    storage.giveHandle();
    // What was open from the start is not the guest's.
    if (descriptor.kind === 'file' || descriptor.preopen === null) this.#host.handles.give();
    fs.closed(descriptor.node);
  }

  #lowestFree(): number {
    const hole = this.#table.indexOf(undefined);
    return hole === -1 ? this.#table.length : hole;
  }

  #mounted(): { readonly fs: VirtualFs; readonly storage: Storage } {
    if (this.#open !== null) return this.#open;
    const { files = [] } = this.#host.context;
    const storage = new Storage({ ...DEFAULT_STORAGE, bytes: this.#host.context.limits.fileBytes });
    const fs = new VirtualFs(storage, () => realtimeNs(performance.now()), seedTree(files ?? NO_SEEDS));
    this.#open = { fs, storage };
    this.#host.onClose(() => storage.close());
    if (files === null) return this.#open;
    const node = fs.root;
    const inheriting = DIRECTORY_RIGHTS | FILE_RIGHTS;
    const given = { kind: 'directory', node, preopen: ROOT_NAME, flags: 0, position: 0 } as const;
    this.#table[FIRST_PREOPEN] = { ...given, rights: DIRECTORY_RIGHTS, inheriting };
    node.opens++;
    storage.takeHandle();
    return this.#open;
  }
}

export function isStream(descriptor: Descriptor): descriptor is StreamDescriptor {
  return descriptor.kind !== 'file' && descriptor.kind !== 'directory';
}

function stream(kind: StreamDescriptor['kind'], right: number, flags: number): StreamDescriptor {
  return { kind, rights: right | RIGHT.pollFdReadwrite, inheriting: 0, flags, position: 0 };
}
