import { BOUNDS } from './bounds.ts';
import { invalidModule } from './invalid-module.ts';

const SHOWN_BYTES = 8;

/** What files that are no module begin with. */
const LOOKS: readonly (readonly [start: string, looksLike: string])[] = [
  ['\u001f\u008b', 'a gzip file; unpack it first'],
  ['PK\u0003\u0004', 'a zip file; unpack it first'],
  ['BZh', 'a bzip2 file; unpack it first'],
  ['\u00fd7zXZ', 'an xz file; unpack it first'],
  ['\u0028\u00b5\u002f\u00fd', 'a zstd file; unpack it first'],
  ['\u007fELF', 'a native program (ELF); build it for wasm32-wasi'],
  ['MZ', 'a native program (Windows); build it for wasm32-wasi'],
  ['\u00cf\u00fa\u00ed\u00fe', 'a native program (macOS); build it for wasm32-wasi'],
  ['BC\u00c0\u00de', 'LLVM bitcode; link it first'],
  ['!<arch>', 'a library archive; link it first'],
  ['#!', 'a script; only WebAssembly runs here'],
];

const TEXT_LOOKS: readonly (readonly [start: RegExp, looksLike: string])[] = [
  [/^\(\s*(module|component)|^\(;|^;;/, 'WebAssembly text (.wat); assemble it with wat2wasm first'],
  [/^<(!doctype|html|head|body|\?xml)/i, 'a web page; look at what the address answers'],
  [/^[{[]/, 'JSON; name the .wasm file itself'],
  [/^version https:\/\/git-lfs/, 'a Git LFS pointer; fetch the file itself with git lfs pull'],
];

/**
 * Checks length and first bytes.
 * @throws InferbaseError ERR_INVALID_MODULE when they are not those of a core module, saying what they look like
 */
export function requireCoreModule(bytes: Uint8Array): void {
  if (bytes.length > BOUNDS.moduleBytes) {
    throw invalidModule(
      `the module is ${bytes.length} bytes long, more than the ${BOUNDS.moduleBytes} allowed; build a smaller one`,
    );
  }
  if (bytes.length === 0) throw invalidModule('the file is empty; give a WebAssembly module');
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64));
  const latin1 = head.toString('latin1');
  if (!latin1.startsWith('\0asm'))
    throw invalidModule(`the file is not a WebAssembly module: ${describe(head, latin1)}`);
  if (head.length < 8) throw invalidModule('the module ends within its header; build it again or fetch it again');
  const version = head.readUInt16LE(4);
  const layer = head.readUInt16LE(6);
  if (layer === 1) {
    throw invalidModule('the file is a component; only core modules run here: build it for wasm32-wasi (preview 1)');
  }
  if (version !== 1 || layer !== 0) {
    throw invalidModule(`the module has version ${version}, layer ${layer}; only version 1, layer 0 runs here`);
  }
}

function describe(head: Buffer, latin1: string): string {
  const look = LOOKS.find(([start]) => latin1.startsWith(start));
  if (look !== undefined) return `it looks like ${look[1]}`;
  const text = head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  const textLook = TEXT_LOOKS.find(([start]) => start.test(text));
  if (textLook !== undefined) return `it looks like ${textLook[1]}`;
  return `it begins with the bytes ${head.subarray(0, SHOWN_BYTES).toString('hex')} instead of 0061736d; give a .wasm file`;
}
