import { InferbaseError } from '../core/errors.ts';

const BLOCK = 512;
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

export interface TarFile {
  /** Relative, `/` between folders. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Writes a tar archive (POSIX ustar) that is the same for the same files on any machine: sorted, and without times,
 * owners or modes of their own. Folders come before what is in them: b7s makes none that is not an entry.
 * @throws InferbaseError `ERR_INVALID_REQUEST` for a path that ustar has no room for
 */
export function writeTar(files: readonly TarFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const folders = new Set<string>();
  for (const { path, bytes } of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const names = path.split('/').slice(0, -1);
    for (const [index] of names.entries()) {
      const folder = `${names.slice(0, index + 1).join('/')}/`;
      if (!folders.has(folder)) parts.push(header(folder, '5', FOLDER_MODE, 0));
      folders.add(folder);
    }
    parts.push(header(path, '0', FILE_MODE, bytes.length), bytes, new Uint8Array(-bytes.length & (BLOCK - 1)));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return new Uint8Array(Buffer.concat(parts));
}

function header(path: string, type: '0' | '5', mode: number, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const [prefix, name] = split(path);
  block.write(name, 0, 100, 'utf8');
  number(block, mode, 100, 8);
  number(block, 0, 108, 8);
  number(block, 0, 116, 8);
  number(block, size, 124, 12);
  number(block, 0, 136, 12);
  block.fill(0x20, 148, 156);
  block.write(type, 156, 'latin1');
  block.write('ustar\0' + '00', 257, 'latin1');
  block.write(prefix, 345, 155, 'utf8');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function number(block: Buffer, value: number, at: number, length: number): void {
  block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
}

/** A name of at most 100 bytes, and what stands before its last possible slash, of at most 155. */
function split(path: string): readonly [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path];
  for (let at = path.indexOf('/'); at >= 0 && at < path.length - 1; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return [prefix, name];
  }
  throw new InferbaseError('ERR_INVALID_REQUEST', `The path ${path} is too long for an archive; choose a shorter one.`);
}
