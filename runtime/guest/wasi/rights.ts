/** Rights of a descriptor, one bit each (witx `rights`); the highest that exists is bit 29, so a number holds a set. */
export const RIGHT = {
  fdDatasync: 1 << 0,
  fdRead: 1 << 1,
  fdSeek: 1 << 2,
  fdFdstatSetFlags: 1 << 3,
  fdSync: 1 << 4,
  fdTell: 1 << 5,
  fdWrite: 1 << 6,
  fdAdvise: 1 << 7,
  fdAllocate: 1 << 8,
  pathCreateDirectory: 1 << 9,
  pathCreateFile: 1 << 10,
  pathLinkSource: 1 << 11,
  pathLinkTarget: 1 << 12,
  pathOpen: 1 << 13,
  fdReaddir: 1 << 14,
  pathReadlink: 1 << 15,
  pathRenameSource: 1 << 16,
  pathRenameTarget: 1 << 17,
  pathFilestatGet: 1 << 18,
  pathFilestatSetSize: 1 << 19,
  pathFilestatSetTimes: 1 << 20,
  fdFilestatGet: 1 << 21,
  fdFilestatSetSize: 1 << 22,
  fdFilestatSetTimes: 1 << 23,
  pathSymlink: 1 << 24,
  pathRemoveDirectory: 1 << 25,
  pathUnlinkFile: 1 << 26,
  pollFdReadwrite: 1 << 27,
} as const;

const both = RIGHT.fdFdstatSetFlags | RIGHT.fdSync | RIGHT.fdFilestatGet | RIGHT.fdFilestatSetTimes;

/** All that can be done with a regular file. */
export const FILE_RIGHTS =
  both |
  RIGHT.fdDatasync |
  RIGHT.fdRead |
  RIGHT.fdSeek |
  RIGHT.fdTell |
  RIGHT.fdWrite |
  RIGHT.fdAdvise |
  RIGHT.fdAllocate |
  RIGHT.fdFilestatSetSize |
  RIGHT.pollFdReadwrite;

/** All that can be done with a directory; reading, writing and seeking are not among it. */
export const DIRECTORY_RIGHTS =
  both |
  RIGHT.fdReaddir |
  RIGHT.pathCreateDirectory |
  RIGHT.pathCreateFile |
  RIGHT.pathLinkSource |
  RIGHT.pathLinkTarget |
  RIGHT.pathOpen |
  RIGHT.pathReadlink |
  RIGHT.pathRenameSource |
  RIGHT.pathRenameTarget |
  RIGHT.pathFilestatGet |
  RIGHT.pathFilestatSetSize |
  RIGHT.pathFilestatSetTimes |
  RIGHT.pathSymlink |
  RIGHT.pathRemoveDirectory |
  RIGHT.pathUnlinkFile;

/** @param bits of a guest; those that mean nothing are dropped */
export function toRights(bits: bigint): number {
  return Number(BigInt.asUintN(30, bits));
}
