import { gzipSync } from 'node:zlib';
import { parseManifest } from '../../../runtime/core/manifest.ts';
import { gunzip } from '../../../runtime/store/gunzip.ts';
import { chooseFile } from '../../../runtime/store/method.ts';
import { readTar } from '../../../runtime/store/tar.ts';
import { tar as makeTar } from '../../store/support.ts';
import { EDGES, mutate, type Random, text } from '../random.ts';
import { type FuzzTarget, refusable, refusableSoon, require } from '../target.ts';

const CAPS = { entries: 50, bytes: 100_000 };

function someTar(random: Random): Uint8Array {
  const entries = random.times(5, () => ({
    name: random.once(3) ? text(random) || 'x' : random.pick(['a.wasm', 'b/c.wasm', 'manifest.json', './d', 'e/']),
    data: random.bytes(random.pick([0, 1, 511, 512, 513])),
  }));
  return makeTar(...entries);
}

function checkFiles(files: ReadonlyMap<string, Uint8Array>): void {
  let bytes = 0;
  for (const [path, data] of files) {
    bytes += data.length;
    const parts = path.split('/');
    require(!path.startsWith('/') &&
      !path.includes('\0') &&
      !parts.includes('..') &&
      !parts.includes(''), `path ${path}`);
  }
  require(files.size <= CAPS.entries && bytes <= CAPS.bytes, 'more than the caps');
}

/** Tars with a few bytes changed: refused whole, or files with paths that cannot leave the archive. */
export const tar: FuzzTarget = {
  name: 'tar',
  async open() {
    return {
      try(random) {
        const bytes = random.once(20) ? random.bytes(random.below(2_000)) : mutate(someTar(random), random);
        // Its checksum is not what should protect us.
        if (random.once(2))
          for (let at = 0; at + 512 <= bytes.length; at += 512) fixChecksum(bytes.subarray(at, at + 512));
        const files = refusable(['ERR_INVALID_ARCHIVE'], () => readTar(bytes, CAPS));
        if (files !== undefined) checkFiles(files);
      },
    };
  },
};

function fixChecksum(header: Uint8Array): void {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
}

/** Packages of the Blockless kind, damaged in the gzip or within: the same, and the method stays within. */
export const packages: FuzzTarget = {
  name: 'package',
  async open() {
    const { signal } = new AbortController();
    return {
      async try(random) {
        const inner = random.once(2) ? someTar(random) : mutate(someTar(random), random);
        const zipped = gzipSync(random.once(30) ? Buffer.alloc(500_000) : inner);
        const bytes = random.once(2) ? zipped : mutate(zipped, random);
        const refused = ['ERR_INVALID_ARCHIVE', 'ERR_FUNCTION_TOO_LARGE'];
        const unpacked = await refusableSoon(refused, () => gunzip(bytes, CAPS.bytes, signal));
        if (unpacked === undefined) return;
        require(unpacked.length <= CAPS.bytes, 'unpacked beyond the cap');
        const files = refusable(refused, () => readTar(unpacked, CAPS));
        if (files === undefined) return;
        checkFiles(files);
        const declared = files.get('manifest.json');
        if (declared !== undefined) refusable(['ERR_INVALID_MANIFEST'], () => parseManifest(declared));
        const method = random.once(2) ? text(random) : random.pick(['a.wasm', '../a.wasm', String(random.pick(EDGES))]);
        const choices = { names: [...files.keys()], entryModule: random.once(2) ? null : text(random) };
        const chosen = refusable(['ERR_FUNCTION_NOT_FOUND'], () => chooseFile(choices, method));
        require(chosen === undefined || files.has(chosen), 'a method outside the package');
      },
    };
  },
};
