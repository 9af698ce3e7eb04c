import { ERRNO } from './errno.ts';
import { DirectoryInode, type Inode, LinkInode } from './inode.ts';

/** Bytes of a name, as Linux has it. */
const MAX_NAME = 255;
/** Symbolic links on one path, as Linux has it. */
const MAX_LINKS = 40;
/** Names on one path, those of links included. */
const MAX_NAMES = 8_192;

/** Where a path leads. */
export interface Place {
  /** Directory that has, or would have, the last name; `null` for a path that ends in `.` or `..`. */
  readonly parent: DirectoryInode | null;
  readonly name: string;
  /** `undefined` when nothing of that name is there. */
  readonly node: Inode | undefined;
  /** The path ended in a slash: only a directory will do. */
  readonly slash: boolean;
}

/**
 * Follows a path from a directory. It never leaves that directory: not by `..`, whose way up is the way it came down, and
 * not by a symbolic link, since links are followed name by name like the rest of the path.
 * @param follow whether a symbolic link as the last name is followed; before that they always are
 * @returns an errno where it leads nowhere: noent, notdir, notcapable (out of the directory, or absolute), loop, nametoolong
 */
export function walk(base: DirectoryInode, path: string, follow: boolean): Place | number {
  if (path === '') return ERRNO.noent;
  if (path.startsWith('/')) return ERRNO.notcapable;
  const above: DirectoryInode[] = [];
  let at = base;
  let slash = path.endsWith('/');
  let links = 0;
  const rest = names(path);
  let left = MAX_NAMES - rest.length;
  for (;;) {
    const name = rest.pop();
    if (name === undefined) return ERRNO.noent;
    const last = rest.length === 0;
    if (name === '.' || name === '..') {
      const next = name === '.' ? at : above.pop();
      if (next === undefined) return ERRNO.notcapable;
      at = next;
      if (last) return { parent: null, name, node: at, slash };
      continue;
    }
    if (name.length > MAX_NAME || Buffer.byteLength(name) > MAX_NAME) return ERRNO.nametoolong;
    if (at.removed) return ERRNO.noent;
    const node = at.get(name);
    if (node instanceof LinkInode && (follow || !last)) {
      const target = names(node.target);
      left -= target.length;
      if (++links > MAX_LINKS || left < 0) return ERRNO.loop;
      if (last && node.target.endsWith('/')) slash = true;
      rest.push(...target);
      continue;
    }
    if (last) {
      if (slash && node !== undefined && !(node instanceof DirectoryInode)) return ERRNO.notdir;
      return { parent: at, name, node, slash };
    }
    if (node === undefined) return ERRNO.noent;
    if (!(node instanceof DirectoryInode)) return ERRNO.notdir;
    above.push(at);
    at = node;
  }
}

/** Names of a path, the first one last. */
function names(path: string): string[] {
  return path
    .split('/')
    .filter((name) => name !== '')
    .reverse();
}
