import type { Host, HostModule } from '../host.ts';
import type { Descriptors } from './descriptors.ts';
import { ERRNO } from './errno.ts';
import type { DirectoryInode, Inode } from './inode.ts';
import { RIGHT } from './rights.ts';

const DIRENT_BYTES = 24;
const UTF8 = new TextEncoder();

interface Row {
  readonly name: string;
  readonly node: Inode;
  /** Cookie of the entry after it. */
  readonly next: number;
}

/**
 * `fd_readdir(fd, buffer, length, cookie u64, *used u32)`: entries one after the other, the last one cut off where the
 * buffer ends; `used < length` means that was all. `.` and `..` come first. A cookie is good whatever is added or
 * removed meanwhile: entries that stay are told once.
 *
 *     dirent (24 bytes, then the name): next cookie u64 | ino u64 | length of the name u32 | filetype u8, +20
 *
 * Errnos: badf, notdir, notcapable, noent (the directory was removed), fault.
 */
export function createReaddir(host: Host, descriptors: Descriptors): HostModule {
  const { memory } = host;
  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: {
      fd_readdir: (fd: number, pointer: number, length: number, cookie: bigint, out: number) => {
        const directory = descriptors.directory(fd, RIGHT.fdReaddir);
        if (typeof directory === 'number') return directory;
        if (directory.node.removed) return ERRNO.noent;
        const buffer = memory.bytes(pointer, length);
        memory.setU32(out, 0);
        let used = 0;
        for (const row of rows(directory.node, Number(BigInt.asUintN(64, cookie)))) {
          if (used === buffer.length) break;
          used += copy(encode(row), buffer.subarray(used));
        }
        memory.setU32(out, used);
        return ERRNO.success;
      },
    },
  };
}

function* rows(directory: DirectoryInode, cookie: number): Generator<Row> {
  if (cookie === 0) yield { name: '.', node: directory, next: 1 };
  if (cookie <= 1) yield { name: '..', node: directory.parent ?? directory, next: 2 };
  for (const { name, node, serial } of directory.from(cookie)) yield { name, node, next: serial + 1 };
}

function encode({ name, node, next }: Row): Uint8Array {
  const text = UTF8.encode(name);
  const bytes = new Uint8Array(DIRENT_BYTES + text.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(next), true);
  view.setBigUint64(8, BigInt(node.ino), true);
  view.setUint32(16, text.length, true);
  view.setUint8(20, node.type);
  bytes.set(text, DIRENT_BYTES);
  return bytes;
}

function copy(from: Uint8Array, into: Uint8Array): number {
  const piece = from.subarray(0, into.length);
  into.set(piece);
  return piece.length;
}
