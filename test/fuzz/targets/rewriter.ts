import { readdir, readFile } from 'node:fs/promises';
import { takeDecodedTypes } from '../../../runtime/wasm/decoded-types.ts';
import { prepareModule } from '../../../runtime/wasm/prepare.ts';
import { guest } from '../../support/wat.ts';
import { generateModule } from '../../wasm/generate.ts';
import { mutate } from '../random.ts';
import { type FuzzTarget, NeedsNewProcess, refusable, require } from '../target.ts';

/** V8 aborts a process at two million distinct function types. */
const MOST_TYPES = 1_000_000;

/** Modules with a few bytes changed: refused by name, or rewritten into what V8 finds valid; never a crash. */
export const rewriter: FuzzTarget = {
  name: 'rewriter',
  async open() {
    const corpus: Uint8Array[] = [];
    for (const name of await readdir(new URL('../../guests', import.meta.url))) corpus.push(await guest(name));
    const functions = new URL('../../../functions/', import.meta.url);
    for (const name of await readdir(functions)) {
      const built = await readFile(new URL(`${name}/build/${name}.wasm`, functions)).catch(() => null);
      if (built !== null && built.length < 100_000) corpus.push(built);
    }
    let types = 0;
    return {
      try(random) {
        const generated = (): Uint8Array => generateModule(random.below(2 ** 32));
        const some = (): Uint8Array => (random.once(2) ? generated() : random.pick(corpus));
        const bytes = random.once(50) ? some() : mutate(some(), random, some());
        const before = bytes.slice();
        const prepared = refusable(['ERR_INVALID_MODULE'], () => prepareModule(bytes));
        types += takeDecodedTypes();
        if (types > MOST_TYPES) throw new NeedsNewProcess();
        require(Buffer.compare(before, bytes) === 0, 'the original was changed');
        if (prepared === undefined) return;
        require(WebAssembly.validate(prepared.bytes), 'the result is not valid');
        require(prepared.bytes.length <
          bytes.length * 60 + 4_096, `${bytes.length} bytes became ${prepared.bytes.length}`);
        const again = prepareModule(bytes);
        require(Buffer.compare(again.bytes, prepared.bytes) === 0, 'another result the second time');
      },
    };
  },
};
