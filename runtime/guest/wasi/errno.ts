/** Error numbers of WASI preview 1 that are returned here (`wasi_snapshot_preview1.witx`, `errno`). */
export const ERRNO = {
  success: 0,
  badf: 8,
  fault: 21,
  inval: 28,
  io: 29,
  nosys: 52,
  notdir: 54,
  notsup: 58,
  overflow: 61,
  spipe: 70,
} as const;
