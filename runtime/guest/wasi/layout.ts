import type { GuestMemory } from '../memory.ts';
import type { Inode } from './inode.ts';

/** Where preview 1 and the snapshot before it (`wasi_unstable`) put the same things in memory, or number them differently. */
export interface Layout {
  /** `filestat`: link count u64 in preview 1, u32 before. */
  readonly filestat: { readonly bytes: number; readonly links: number; readonly size: number };
  /** `whence` by number. */
  readonly whence: readonly ('set' | 'cur' | 'end')[];
  /** `subscription`: before preview 1 a clock's had a second userdata. */
  readonly subscription: { readonly bytes: number; readonly clock: number };
}

export const PREVIEW1: Layout = {
  filestat: { bytes: 64, links: 24, size: 32 },
  whence: ['set', 'cur', 'end'],
  subscription: { bytes: 48, clock: 16 },
};

export const UNSTABLE: Layout = {
  filestat: { bytes: 56, links: 20, size: 24 },
  whence: ['cur', 'end', 'set'],
  subscription: { bytes: 56, clock: 24 },
};

/** All files of an execution are on one device. */
const DEVICE = 1n;

/**
 *     filestat (64 bytes): dev u64 | ino u64 | filetype u8, +16 | nlink u64, +24 | size u64 | atim u64 | mtim u64 | ctim u64
 *
 * @param node `null` for a standard stream, of which nothing is told
 */
export function writeFilestat(memory: GuestMemory, out: number, node: Inode | null, { filestat }: Layout): void {
  memory.bytes(out, filestat.bytes).fill(0);
  if (node === null) return;
  const at = out >>> 0;
  memory.setU64(at, DEVICE);
  memory.setU64(at + 8, BigInt(node.ino));
  memory.setU8(at + 16, node.type);
  memory.setU32(at + filestat.links, node.links);
  memory.setU64(at + filestat.size, BigInt(node.size));
  memory.setU64(at + filestat.size + 8, node.atim);
  memory.setU64(at + filestat.size + 16, node.mtim);
  memory.setU64(at + filestat.size + 24, node.ctim);
}
