import { ERRNO } from './errno.ts';
import type { Inode } from './inode.ts';

/** `fstflags`: which times a call sets, and whether to the one given or to now. */
const FSTFLAG = { atim: 1, atimNow: 2, mtim: 4, mtimNow: 8 } as const;
const ALL = 15;

/** @returns success, or inval when the flags contradict each other: then nothing was set */
export function setTimes(node: Inode, given: { atim: bigint; mtim: bigint; flags: number }, now: bigint): number {
  const { flags } = given;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if ((flags & ~ALL) !== 0) return ERRNO.inval;
  if (has(FSTFLAG.atim) && has(FSTFLAG.atimNow)) return ERRNO.inval;
  if (has(FSTFLAG.mtim) && has(FSTFLAG.mtimNow)) return ERRNO.inval;
  if (has(FSTFLAG.atim)) node.atim = BigInt.asUintN(64, given.atim);
  if (has(FSTFLAG.atimNow)) node.atim = now;
  if (has(FSTFLAG.mtim)) node.mtim = BigInt.asUintN(64, given.mtim);
  if (has(FSTFLAG.mtimNow)) node.mtim = now;
  node.ctim = now;
  return ERRNO.success;
}
