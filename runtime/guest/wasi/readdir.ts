import type { Host, HostModule } from '../host.ts';
import type { Descriptors } from './descriptors.ts';
import { ERRNO } from './errno.ts';
import type { DirectoryInode, Inode } from './inode.ts';
import { RIGHT } from './rights.ts';

const DIRENT_BYTES = 24;
const UTF8 = new TextEncoder();
/** One entry with the longest name there can be. */
const SCRATCH = new Uint8Array(DIRENT_BYTES + 255);
const SCRATCH_NAME = SCRATCH.subarray(DIRENT_BYTES);
const SCRATCH_VIEW = new DataView(SCRATCH.buffer);

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
          const length = Math.min(encode(row), buffer.length - used);
          buffer.set(SCRATCH.subarray(0, length), used);
          used += length;
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

/** Puts a dirent into the scratch bytes; returns its length. Numbers are far below 2^53, so two halves say them. */
function encode({ name, node, next }: Row): number {
  const length = UTF8.encodeInto(name, SCRATCH_NAME).written;
  setU64(0, next);
  setU64(8, node.ino);
  SCRATCH_VIEW.setUint32(16, length, true);
  SCRATCH_VIEW.setUint32(20, node.type, true);
  return DIRENT_BYTES + length;
}

function setU64(at: number, value: number): void {
  SCRATCH_VIEW.setUint32(at, value >>> 0, true);
  SCRATCH_VIEW.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
