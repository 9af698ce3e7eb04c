import { InferbaseError } from '../core/errors.ts';
import { quoteName } from '../wasm/invalid-module.ts';

const BLOCK = 512;
const MAX_NAME = 1024;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

export interface TarCaps {
  readonly entries: number;
}

/**
 * Reads the files of a tar archive: ustar with pax (POSIX.1-2001 "pax Interchange Format") and GNU long names. Nothing
 * is written anywhere; the returned bytes are views of `tar`.
 *
 * One entry that could leave the archive or is not a plain file or folder (`..`, an absolute path, a link, a device, a
 * name twice) refuses the whole archive.
 * @returns relative path → bytes, in archive order
 * @throws InferbaseError `ERR_INVALID_ARCHIVE`
 */
export function readTar(tar: Uint8Array, caps: TarCaps): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let longName: string | undefined;
  let pax: ReadonlyMap<string, string> = new Map();
  let at = 0;
  for (let entries = 0; ; entries++) {
    if (entries > caps.entries) throw invalid(`has more than ${caps.entries} entries`);
    const header = take(tar, at, BLOCK);
    at += BLOCK;
    if (header.every((byte) => byte === 0)) return files;
    checkSum(header, at - BLOCK);
    const type = String.fromCharCode(header[156] ?? 0);
    const paxSize = isExtension(type) ? undefined : pax.get('size');
    const size = paxSize === undefined ? numberAt(header, 124, 12) : decimal(paxSize);
    const data = take(tar, at, size);
    at += Math.ceil(size / BLOCK) * BLOCK;

    if (type === 'L') {
      longName = text(data);
    } else if (type === 'x') {
      pax = paxRecords(data);
    } else if (type === 'g') {
      // Defaults for all entries: a comment in practice. A path or size for all of them would make no sense.
      const common = paxRecords(data);
      if (common.has('path') || common.has('size')) throw invalid('has a path or size in a global pax header');
    } else {
      const name = checkName(pax.get('path') ?? longName ?? headerName(header), type);
      if (type === '0' || type === '\0' || type === '7') {
        if (files.has(name)) throw invalid(`has ${JSON.stringify(name)} twice`);
        files.set(name, data);
      }
      longName = undefined;
      pax = new Map();
    }
  }
}

function isExtension(type: string): boolean {
  return type === 'L' || type === 'x' || type === 'g';
}

function take(tar: Uint8Array, at: number, length: number): Uint8Array {
  if (at + length > tar.length) throw invalid(`is cut off: byte ${at + length} is wanted, ${tar.length} are there`);
  return tar.subarray(at, at + length);
}

/** The sum of a header's bytes, its own checksum field counted as spaces. */
function checkSum(header: Uint8Array, at: number): void {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  if (sum !== octal(header.subarray(148, 156))) throw invalid(`has no tar header at byte ${at}`);
}

/** Octal text, or GNU's big-endian binary form when the first bit is set. */
function numberAt(header: Uint8Array, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const value = field.reduce((sum, byte, index) => sum * 256 + (index === 0 ? byte & 0x7f : byte), 0);
    if (!Number.isSafeInteger(value)) throw invalid('has a size beyond reason');
    return value;
  }
  const value = octal(field);
  if (value === undefined) throw invalid('has a header without a size');
  return value;
}

function octal(field: Uint8Array): number | undefined {
  const digits = Buffer.from(field).toString('latin1').replace(/\0.*$/s, '').trim();
  if (!/^[0-7]*$/.test(digits)) return undefined;
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function headerName(header: Uint8Array): string {
  const name = text(header.subarray(0, 100));
  // GNU's own header has other fields where ustar has the prefix.
  const ustar = Buffer.from(header.subarray(257, 263)).toString('latin1') === 'ustar\0';
  const prefix = ustar ? text(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** `<length> <key>=<value>\n`, the length counting itself. */
function paxRecords(data: Uint8Array): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : decimal(text(data.subarray(at, space)));
    const equals = data.indexOf(0x3d, space);
    const end = at + length;
    if (!(equals > space && equals < end && end <= data.length && data[end - 1] === 0x0a))
      throw invalid('has a broken pax header');
    const key = text(data.subarray(space + 1, equals));
    // Other keys (times, comments) may be of any encoding and mean nothing here.
    if (key === 'path' || key === 'size') records.set(key, utf8(data.subarray(equals + 1, end - 1)));
    if (key.startsWith('GNU.sparse')) throw invalid('has a sparse file');
    at = end;
  }
  return records;
}

function decimal(digits: string): number {
  const value = /^[0-9]{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw invalid(`has ${JSON.stringify(digits.slice(0, 40))} where a number is wanted`);
  return value;
}

const REFUSED: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a device',
  '4': 'a device',
  '6': 'a pipe',
  K: 'a long link name',
  S: 'a sparse file',
};

/** The name without `./` in front; refuses what does not stay inside or is no file or folder. */
function checkName(name: string, type: string): string {
  const shown = quoteName(name);
  if (!['0', '\0', '7', '5'].includes(type)) {
    throw invalid(
      `has ${REFUSED[type] ?? `an entry of type ${JSON.stringify(type)}`}, ${shown}; only files and folders are read`,
    );
  }
  if (name.length > MAX_NAME) throw invalid(`has a name of ${name.length} characters`);
  const parts = name.split('/');
  if (name.startsWith('/') || parts.includes('..') || /[\\\0]/.test(name))
    throw invalid(`has ${shown}, which leads out of it`);
  const clean = parts.filter((part) => part !== '' && part !== '.').join('/');
  if (clean === '' && type !== '5') throw invalid('has a file without a name');
  return clean;
}

/** Text up to the first NUL. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return utf8(end < 0 ? bytes : bytes.subarray(0, end));
}

function utf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw invalid('has a name that is not UTF-8');
  }
}

function invalid(problem: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_ARCHIVE', `The archive ${problem}; pack it again.`);
}
