import { ERRNO } from './errno.ts';
import { FileContent } from './file-content.ts';
import { DirectoryInode, FileInode, type Inode, LinkInode } from './inode.ts';
import { type Place, walk } from './path-walk.ts';
import type { SeedDirectory } from './seed-tree.ts';
import type { Storage } from './storage.ts';

const NO_BYTES = new Uint8Array(0);
/** A symbolic link counts as one name more for every so many bytes of its target. */
const LINK_UNIT = 256;

export interface OpenFlags {
  readonly follow: boolean;
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly truncate: boolean;
  readonly directory: boolean;
}

/**
 * The files of one execution, in memory. There is no way from here to a path of the host. What each function refuses, it
 * refuses as Linux does; errnos are those of `path_*` in preview 1.
 */
export class VirtualFs {
  readonly root: DirectoryInode;
  readonly #storage: Storage;
  readonly #now: () => bigint;
  /** Time of all that is there from the start. */
  readonly #startedAt: bigint;
  #nextIno = 1;

  /**
   * @param now the time in ns since the Unix epoch
   * @param seed what lies under its root
   */
  constructor(storage: Storage, now: () => bigint, seed: SeedDirectory) {
    this.#storage = storage;
    this.#now = now;
    this.#startedAt = now();
    this.root = this.#seeded(seed);
    this.root.links = 1;
  }

  get now(): bigint {
    return this.#now();
  }

  /** @returns an errno, or what there is to open: a file or a directory */
  open(base: DirectoryInode, path: string, flags: OpenFlags): FileInode | DirectoryInode | number {
    const { create, exclusive } = flags;
    if (create && flags.directory) return ERRNO.inval;
    const place = walk(base, path, (flags.follow || path.endsWith('/')) && !(create && exclusive));
    if (typeof place === 'number') return place;
    const { node } = place;
    if (node === undefined) {
      if (!create) return ERRNO.noent;
      if (place.slash) return ERRNO.isdir;
      const made = new FileInode(this.#nextIno++, this.#now(), new FileContent(this.#storage, NO_BYTES));
      return this.#add(place, made) || made;
    }
    if (create && exclusive) return ERRNO.exist;
    if (node instanceof LinkInode) return ERRNO.loop;
    if (node instanceof DirectoryInode) return create || flags.truncate ? ERRNO.isdir : node;
    if (!(node instanceof FileInode) || flags.directory) return ERRNO.notdir;
    if (flags.truncate) {
      node.content.resize(0);
      node.touch();
    }
    return node;
  }

  /** @returns what a path leads to, or an errno */
  find(base: DirectoryInode, path: string, follow: boolean): Inode | number {
    const place = walk(base, path, follow || path.endsWith('/'));
    if (typeof place === 'number') return place;
    return place.node ?? ERRNO.noent;
  }

  makeDirectory(base: DirectoryInode, path: string): number {
    const place = walk(base, withoutSlashes(path), false);
    if (typeof place === 'number') return place;
    if (place.node !== undefined) return ERRNO.exist;
    return this.#add(place, new DirectoryInode(this.#nextIno++, this.#now()));
  }

  makeLink(target: string, base: DirectoryInode, path: string): number {
    if (target === '') return ERRNO.noent;
    // It could only ever lead out of what a descriptor grants.
    if (target.startsWith('/')) return ERRNO.notcapable;
    const place = walk(base, path, false);
    if (typeof place === 'number') return place;
    if (place.node !== undefined) return ERRNO.exist;
    if (place.slash) return ERRNO.noent;
    const units = linkUnits(target);
    if (!this.#storage.takeEntries(units)) return ERRNO.nospc;
    const errno = this.#add(place, new LinkInode(this.#nextIno++, this.#now(), ownText(target)));
    if (errno !== ERRNO.success) this.#storage.giveEntries(units);
    return errno;
  }

  link(from: { base: DirectoryInode; path: string; follow: boolean }, base: DirectoryInode, path: string): number {
    const node = this.find(from.base, from.path, from.follow);
    if (typeof node === 'number') return node;
    const place = walk(base, path, false);
    if (typeof place === 'number') return place;
    if (place.node !== undefined) return ERRNO.exist;
    if (node instanceof DirectoryInode) return ERRNO.perm;
    if (place.slash) return ERRNO.noent;
    node.ctim = this.#now();
    return this.#add(place, node);
  }

  unlink(base: DirectoryInode, path: string): number {
    const place = walk(base, path, false);
    if (typeof place === 'number') return place;
    if (place.node === undefined) return ERRNO.noent;
    if (place.parent === null || place.node instanceof DirectoryInode) return ERRNO.isdir;
    this.#remove(place.parent, place.name, place.node);
    return ERRNO.success;
  }

  removeDirectory(base: DirectoryInode, path: string): number {
    const place = walk(base, path, false);
    if (typeof place === 'number') return place;
    const { parent, node } = place;
    if (node === undefined) return ERRNO.noent;
    if (parent === null) return place.name === '.' ? ERRNO.inval : ERRNO.notempty;
    if (!(node instanceof DirectoryInode)) return ERRNO.notdir;
    if (!node.empty) return ERRNO.notempty;
    this.#remove(parent, place.name, node);
    return ERRNO.success;
  }

  rename(from: { base: DirectoryInode; path: string }, base: DirectoryInode, path: string): number {
    const source = walk(from.base, from.path, false);
    if (typeof source === 'number') return source;
    const target = walk(base, path, false);
    if (typeof target === 'number') return target;
    const { node } = source;
    if (node === undefined) return ERRNO.noent;
    if (source.parent === null || target.parent === null) return ERRNO.busy;
    if (node instanceof DirectoryInode) {
      for (let at: DirectoryInode | null = target.parent; at !== null; at = at.parent) {
        if (at === node) return ERRNO.inval;
      }
    } else if (target.slash) return ERRNO.notdir;
    if (target.node === node) return ERRNO.success;
    if (target.node !== undefined) {
      const errno = replaceable(node, target.node);
      if (errno !== ERRNO.success) return errno;
      this.#remove(target.parent, target.name, target.node);
    }
    source.parent.remove(source.name);
    target.parent.add(ownText(target.name), node);
    node.ctim = this.#now();
    source.parent.touch();
    target.parent.touch();
    return ERRNO.success;
  }

  /** A descriptor that led to it was closed. */
  closed(node: Inode): void {
    node.opens--;
    this.#releaseUnused(node);
  }

  /** A directory with what is there from the start. It counts towards no limit until written. */
  #seeded(seed: SeedDirectory): DirectoryInode {
    const make = (name: string): Inode => {
      this.#storage.addSeed();
      const found = seed.get(name) ?? NO_BYTES;
      if (!(found instanceof Uint8Array)) return this.#seeded(found);
      return new FileInode(this.#nextIno++, this.#startedAt, new FileContent(this.#storage, found));
    };
    return new DirectoryInode(this.#nextIno++, this.#startedAt, { names: seed, make });
  }

  #add({ parent, name }: Place, node: Inode): number {
    if (parent === null) return ERRNO.exist;
    if (!this.#storage.takeEntries(1)) return ERRNO.nospc;
    parent.add(ownText(name), node);
    parent.touch();
    return ERRNO.success;
  }

  #remove(parent: DirectoryInode, name: string, node: Inode): void {
    parent.remove(name);
    this.#storage.giveEntries(1);
    parent.touch();
    node.ctim = parent.ctim;
    if (node instanceof DirectoryInode) {
      node.removed = true;
      node.parent = null;
    }
    this.#releaseUnused(node);
  }

  #releaseUnused(node: Inode): void {
    if (node.links > 0 || node.opens > 0) return;
    if (node instanceof FileInode) node.content.release();
    if (node instanceof LinkInode) this.#storage.giveEntries(linkUnits(node.target));
  }
}

/** Whether a rename may put one in the other's place. */
function replaceable(node: Inode, old: Inode): number {
  const isDirectory = node instanceof DirectoryInode;
  if (!(old instanceof DirectoryInode)) return isDirectory ? ERRNO.notdir : ERRNO.success;
  if (!isDirectory) return ERRNO.isdir;
  return old.empty ? ERRNO.success : ERRNO.notempty;
}

function linkUnits(target: string): number {
  return Math.floor(target.length / LINK_UNIT);
}

/** A part of a string keeps all of it in memory: names of a few letters would hold on to paths of 4 KB. */
function ownText(text: string): string {
  return Buffer.from(text).toString();
}

function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end--;
  return path.slice(0, end);
}
