import type { LinkedImport } from '../../../runtime/core/module-facts.ts';
import { takeDecodedTypes } from '../../../runtime/wasm/decoded-types.ts';
import { linkModules, type NamedModule } from '../../../runtime/wasm/link.ts';
import { prepareModule } from '../../../runtime/wasm/prepare.ts';
import { join, rawModule, u32 } from '../../wasm/raw-module.ts';
import { mutate, type Random } from '../random.ts';
import { type FuzzTarget, NeedsNewProcess, refusable, require } from '../target.ts';

/** As in the rewriter's target. */
const MOST_TYPES = 1_000_000;
const REFUSED = ['ERR_INVALID_MODULE'];

const LIBRARIES = ['a', 'b', 'c', '__proto__', 'constructor'];
const NAMES = ['f', 'g', 'm', 't', 'x', 'toString', ''];
const I32 = 0x7f;
const I64 = 0x7e;
const FUNCREF = 0x70;
const EXTERNREF = 0x6f;

const name = (text: string): number[] => [Buffer.byteLength(text), ...Buffer.from(text)];
const list = (items: readonly (readonly number[])[]): number[] => [...u32(items.length), ...items.flat()];

/** Four signatures; two modules mean the same by the same number. */
const TYPES = list([
  [0x60, 0, 0],
  [0x60, 1, I32, 0],
  [0x60, 1, I32, 1, I32],
  [0x60, 1, I64, 1, I64],
]);
/** What a function of each signature does. */
const BODIES = [[0], [0], [0, 0x20, 0], [0, 0x20, 0]];

function extent(random: Random): number[] {
  const initial = random.below(3);
  return random.once(2) ? [0, initial] : [1, initial, initial + random.below(3)];
}

/** Description of an import, as the format writes it. */
function wanted(random: Random): number[] {
  switch (random.below(6)) {
    case 0:
      return [2, ...extent(random)];
    case 1:
      return [1, random.once(4) ? EXTERNREF : FUNCREF, ...extent(random)];
    case 2:
      return [3, random.once(3) ? I64 : I32, random.below(2)];
    case 3:
      return [4, 0, random.below(2)];
    default:
      return [0, random.below(4)];
  }
}

/** What a module exports, as another has to import it. */
interface Offer {
  readonly name: string;
  readonly description: readonly number[];
}

interface Import extends Offer {
  readonly module: string;
}

/**
 * A module that imports from others of the set, and exports one or none of each kind.
 * @param offered what the others export; most imports are of it
 */
function someModule(random: Random, offered: readonly Import[], libraries: readonly string[]) {
  const imports: Import[] = random.times(3, () =>
    offered.length > 0 && !random.once(6)
      ? random.pick(offered)
      : { module: random.pick(libraries), name: random.pick(NAMES), description: wanted(random) },
  );
  const count = (kind: number): number => imports.filter(({ description }) => description[0] === kind).length;
  const own = {
    function: random.below(4),
    table: [random.once(4) ? EXTERNREF : FUNCREF, ...extent(random)],
    memory: count(2) === 0 ? extent(random) : null,
    tag: random.below(2),
    global: [random.once(3) ? I64 : I32, random.below(2)],
  };
  const names = NAMES.toSorted(() => random.below(3) - 1);
  const offers: (Offer & { readonly index: number })[] = [];
  const give = (index: number, ...description: readonly number[]): void => {
    const text = names.pop();
    if (text !== undefined && !random.once(4)) offers.push({ name: text, description, index });
  };
  give(count(0), 0, own.function);
  give(count(1), 1, ...own.table);
  if (own.memory !== null) give(0, 2, ...own.memory);
  give(count(3), 3, ...own.global);
  give(count(4), 4, 0, own.tag);
  const body = [...(BODIES[own.function] as number[]), 0x0b];
  const zero = [own.global[0] === I64 ? 0x42 : 0x41, 0, 0x0b];
  const bytes = rawModule(
    ['type', TYPES],
    ['import', list(imports.map((from) => [...name(from.module), ...name(from.name), ...from.description]))],
    ['function', [1, own.function]],
    ['table', [1, ...own.table]],
    ...(own.memory === null ? [] : ([['memory', [1, ...own.memory]]] as const)),
    ['tag', [1, 0, own.tag]],
    ['global', [1, ...own.global, ...zero]],
    ['export', list(offers.map((offer) => [...name(offer.name), offer.description[0] ?? 0, offer.index]))],
    ['code', join([1], u32(body.length), body)],
  );
  return { bytes, offers };
}

interface Member extends NamedModule {
  readonly original: Uint8Array<ArrayBuffer>;
  readonly facts: ReturnType<typeof prepareModule>['facts'];
}

/** Made for each execution where no library has it. */
function provided({ kind, type, extent: size, bound }: LinkedImport): WebAssembly.ImportValue {
  const { initial, maximum } = size ?? { initial: 0, maximum: null };
  if (kind === 'memory') return new WebAssembly.Memory({ initial, maximum: maximum ?? 65_536 });
  const element = type === 'externref' ? 'externref' : 'anyfunc';
  return new WebAssembly.Table({ initial, maximum: maximum ?? bound ?? 10_000_000, element } as never);
}

function instantiate(member: Member, made: ReadonlyMap<string, WebAssembly.Instance>): WebAssembly.Instance {
  const imports: Record<string, Record<string, unknown>> = Object.create(null);
  for (const link of member.facts.links) {
    const library = made.get(link.module);
    imports[link.module] ??= Object.create(null) as Record<string, unknown>;
    (imports[link.module] as Record<string, unknown>)[link.name] =
      library === undefined ? provided(link) : library.exports[link.name];
  }
  return new WebAssembly.Instance(new WebAssembly.Module(member.original), imports as WebAssembly.Imports);
}

/** Sets of modules that import each other: refused by name, or V8 links them as they were built, in the order told. */
export const linkedSets: FuzzTarget = {
  name: 'linked-sets',
  async open() {
    let types = 0;
    return {
      try(random) {
        const names = LIBRARIES.slice(0, 1 + random.below(LIBRARIES.length)).toSorted(() => random.below(3) - 1);
        const known = new Set(names);
        const offered: Import[] = [];
        const member = (own: string): Member | undefined => {
          const whole = someModule(random, offered, random.once(5) ? LIBRARIES : names);
          const original = Uint8Array.from(random.once(8) ? mutate(whole.bytes, random) : whole.bytes);
          offered.push(...whole.offers.map((offer) => ({ ...offer, module: own })));
          const prepared = refusable(REFUSED, () => prepareModule(original, known));
          return prepared === undefined ? undefined : { name: own, original, facts: prepared.facts };
        };
        // The manifest may have them in any order.
        const libraries = names
          .map(member)
          .filter((made) => made !== undefined)
          .toSorted(() => random.below(3) - 1);
        const entry = member('entry');
        types += takeDecodedTypes();
        if (types > MOST_TYPES) throw new NeedsNewProcess();
        if (entry === undefined) return;
        const order = refusable(REFUSED, () => linkModules(entry, libraries));
        if (order === undefined) return;
        require(new Set(order).size === libraries.length && order.length === libraries.length, 'a library was lost');
        const made = new Map<string, WebAssembly.Instance>();
        for (const library of order) made.set(library.name, instantiate(library, made));
        instantiate(entry, made);
      },
    };
  },
};
