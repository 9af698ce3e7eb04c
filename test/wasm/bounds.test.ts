import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { BOUNDS } from '../../runtime/wasm/bounds.ts';
import type { SectionName } from '../../runtime/wasm/module-shape.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { wat } from '../support/wat.ts';
import { instantiateRewritten } from './instantiate.ts';
import { join, list, oneFunction, rawModule, repeat, u32 } from './raw-module.ts';

const NO_TYPE = ['type', [1, 0x60, 0, 0]] as const;

function refused(bytes: Uint8Array, message: RegExp): void {
  assert.throws(
    () => prepareModule(bytes),
    (error) => error instanceof InferbaseError && error.code === 'ERR_INVALID_MODULE' && message.test(error.message),
  );
}

/** Code of `count` functions without locals that do nothing, save for the last. */
function bodies(count: number, last: readonly number[] = [2, 0, 0x0b]): Uint8Array {
  return join(list(count, [2, 0, 0x0b], count - 1), last);
}

describe('one more than allowed is refused', () => {
  const types = (values: number, kind: 'params' | 'results'): Uint8Array => {
    const many = list(values, [0x7f]);
    return rawModule(['type', kind === 'params' ? join([1, 0x60], many, [0]) : join([1, 0x60, 0], many)]);
  };
  const rows: readonly (readonly [bound: string, module: () => Uint8Array, message: RegExp])[] = [
    ['bytes', () => new Uint8Array(BOUNDS.moduleBytes + 1), /67108865 bytes long/],
    ['sections', () => join(rawModule(), repeat(BOUNDS.sections + 1, [0, 1, 0])), /more than 10000 sections/],
    ['types', () => rawModule(['type', list(BOUNDS.types + 1, [0x60, 0, 0])]), /2001 types/],
    ['parameters', () => types(BOUNDS.params + 1, 'params'), /1001 parameters/],
    ['results', () => types(BOUNDS.results + 1, 'results'), /1001 results/],
    [
      'values of all types',
      () => rawModule(['type', list(501, [0x60, ...list(BOUNDS.params, [0x7f]), 0])]),
      /parameters and results past 500000/,
    ],
    ['imports', () => rawModule(NO_TYPE, ['import', list(BOUNDS.imports + 1, [0, 0, 0, 0])]), /1001 imports/],
    ['functions', () => rawModule(NO_TYPE, ['function', list(BOUNDS.functions + 1, [0])]), /200001 functions/],
    ['tables', () => rawModule(['table', list(BOUNDS.tables + 1, [0x70, 0, 0])]), /17 tables/],
    [
      'elements of a table',
      () => rawModule(['table', join([1, 0x70, 0], u32(BOUNDS.tableElements + 1))]),
      /past 1000000/,
    ],
    ['elements of tables', () => rawModule(['table', list(2, [0x70, 0, ...u32(500_001)])]), /past 1000000/],
    ['pages of memory', () => rawModule(['memory', join([1, 0], u32(65_537))]), /65537 pages/],
    ['maximum pages of memory', () => rawModule(['memory', join([1, 1, 0], u32(65_537))]), /65537 pages/],
    [
      'parameters of a tag',
      () => rawModule(['type', join([1, 0x60], list(BOUNDS.tagParams + 1, [0x7e]), [0])], ['tag', [1, 0, 0]]),
      /17 parameters/,
    ],
    ['tags', () => rawModule(NO_TYPE, ['tag', list(BOUNDS.tags + 1, [0, 0])]), /1001 tags/],
    ['globals', () => rawModule(['global', list(BOUNDS.globals + 1, [0x7f, 0, 0x41, 0, 0x0b])]), /50001 globals/],
    ['exports', () => rawModule(['export', list(BOUNDS.exports + 1, [0, 0, 0])]), /2001 exports/],
    ['element segments', () => rawModule(['element', list(BOUNDS.segments + 1, [1, 0, 0])]), /100001 element segments/],
    [
      'elements of a segment',
      () => rawModule(['element', join([1, 1, 0], list(BOUNDS.segmentElements + 1, [0]))]),
      /200001/,
    ],
    [
      'elements of segments',
      () => rawModule(['element', join([2], join([1, 0], list(100_001, [0])), join([1, 0], list(100_001, [0])))]),
      /all segments past 200000/,
    ],
    ['data segments', () => rawModule(['data', list(BOUNDS.segments + 1, [1, 0])]), /100001 data segments/],
    ['locals', () => oneFunction(join([2], u32(BOUNDS.locals), [0x7f, 1, 0x7e, 0x0b])), /more than 50000 locals/],
    ['locals in a group', () => oneFunction(join([1], u32(0xffff_ffff), [0x7f, 0x0b])), /more than 50000 locals/],
    [
      'locals of all functions',
      () => {
        const body = join([1], u32(BOUNDS.locals), [0x7f, 0x0b]);
        return rawModule(NO_TYPE, ['function', list(401, [0])], ['code', list(401, [...u32(body.length), ...body])]);
      },
      /all functions past 20000000/,
    ],
    ['blocks within blocks', () => nested(BOUNDS.nesting + 1), /more than 10000 blocks within blocks/],
    ['memory.grow', () => growing(BOUNDS.growSites + 1), /more than 100000 memory\.grow/],
    ['values of calls', () => wideCalls(4_001), /parameters and results in all/],
    ['values of blocks', () => wideBlocks(4_001), /parameters and results in all/],
  ];
  for (const [bound, module, message] of rows) test(bound, () => refused(module(), message));
});

function nested(depth: number): Uint8Array {
  return oneFunction(join([0], repeat(depth, [0x02, 0x40]), repeat(depth + 1, [0x0b])));
}

function growing(times: number): Uint8Array {
  const code = join([0, 0x41, 0], repeat(times, [0x40, 0]), [0x1a, 0x0b]);
  return rawModule(NO_TYPE, ['function', [1, 0]], ['memory', [1, 0, 1]], ['code', join([1], u32(code.length), code)]);
}

const THOUSAND_RESULTS = join([0x60, 0], list(1_000, [0x7f]));

function wideCalls(times: number): Uint8Array {
  const code = join([0], repeat(times, [0x10, 0]), [0x00, 0x0b]);
  return rawModule(
    ['type', join([1], THOUSAND_RESULTS)],
    ['function', [1, 0]],
    ['code', join([1], u32(code.length), code)],
  );
}

function wideBlocks(times: number): Uint8Array {
  const code = join([0], repeat(times, [0x02, 1, 0x00, 0x0b]), [0x00, 0x0b]);
  return rawModule(
    ['type', join([2, 0x60, 0, 0], THOUSAND_RESULTS)],
    ['function', [1, 0]],
    ['code', join([1], u32(code.length), code)],
  );
}

describe('as much as allowed is accepted', () => {
  const rows: readonly (readonly [bound: string, module: () => Uint8Array])[] = [
    ['blocks within blocks', () => nested(BOUNDS.nesting)],
    ['memory.grow', () => growing(BOUNDS.growSites)],
    ['elements of a table', () => rawModule(['table', join([1, 0x70, 0], u32(BOUNDS.tableElements))])],
    ['pages of memory', () => rawModule(['memory', join([1, 0], u32(BOUNDS.memoryPages))])],
    ['locals', () => oneFunction(join([1], u32(49_999), [0x7f, 0x0b]))],
    [
      'functions',
      () => rawModule(NO_TYPE, ['function', list(BOUNDS.functions, [0])], ['code', bodies(BOUNDS.functions)]),
    ],
    ['globals', () => rawModule(['global', list(BOUNDS.globals, [0x7f, 0, 0x41, 0, 0x0b])])],
    ['values of calls', () => wideCalls(100)],
  ];
  for (const [bound, module] of rows) test(bound, () => assert.ok(prepareModule(module()).bytes.length > 0));
});

describe('a count the file cannot hold fails at once', () => {
  const sections: readonly SectionName[] = [
    'type',
    'import',
    'function',
    'table',
    'memory',
    'tag',
    'global',
    'export',
    'element',
    'code',
    'data',
  ];
  for (const section of sections) {
    test(section, () => {
      refused(rawModule([section, [0xff, 0xff, 0xff, 0xff, 0x0f]]), /4294967295/);
      refused(rawModule([section, [0xff, 0xff, 0xff, 0xff, 0x1f]]), /too long/);
      refused(rawModule([section, [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]]), /too long/);
    });
  }
  test('br_table, catches, types of select, names', () => {
    const huge = [0xff, 0xff, 0xff, 0x0f];
    refused(oneFunction([0, 0x41, 0, 0x0e, ...huge, 0, 0x0b]), /labels/);
    refused(oneFunction([0, 0x1f, 0x40, ...huge, 0x0b, 0x0b]), /catches/);
    refused(oneFunction([0, 0x1c, ...huge, 0x0b]), /types/);
    refused(rawModule(['export', [1, ...huge]]), /ends too early/);
  });
});

test('a table that grows stays within the bound on elements', async () => {
  const prepared = prepareModule(
    await wat(`(module (table $a 10 funcref) (table $b 0 20 externref)
      (func (export "a") (param i32) (result i32) (table.grow $a (ref.null func) (local.get 0)))
      (func (export "b") (param i32) (result i32) (table.grow $b (ref.null extern) (local.get 0))))`),
  );
  const guest = await instantiateRewritten(prepared);
  assert.deepEqual([guest.call('a', 5), guest.call('a', 1_000_000), guest.call('a', 400_000)], [10, -1, 15]);
  assert.deepEqual([guest.call('b', 20), guest.call('b', 1)], [0, -1]);
});
