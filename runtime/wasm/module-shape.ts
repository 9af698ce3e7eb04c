import type { Extent, ExternKind, ModuleFacts } from '../core/module-facts.ts';
import { CodeEdits } from './code-edits.ts';
import { CompileCost } from './compile-cost.ts';

/** Section ids. Source: WebAssembly 3.0 core specification, §5.5.2. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

export type SectionName = keyof typeof SECTION;

/** Sections in the order a module must have them. */
export const SECTION_ORDER: readonly SectionName[] = [
  'type',
  'import',
  'function',
  'table',
  'memory',
  'tag',
  'global',
  'export',
  'start',
  'element',
  'dataCount',
  'code',
  'data',
];

/** Where a section lies in the file. Offsets are of the whole file. */
export interface SectionSpan {
  readonly name: SectionName;
  /** Of its id byte. */
  readonly start: number;
  /** After its size. */
  readonly contentAt: number;
  readonly end: number;
  /** Name of a custom section. */
  readonly customName?: string;
}

/** Function types by index. */
export interface TypeTable {
  /** Offset of each type's parameters in the file. */
  readonly at: Uint32Array;
  readonly params: Uint16Array;
  readonly results: Uint16Array;
  /** Index of a type `(func (param i32) (result i32))`, or −1. */
  i32ToI32: number;
}

export interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly typeIndex: number;
}

export interface TableShape extends Extent {
  /** Offset of its limits, of their end. */
  readonly limitsAt: number;
  readonly limitsEnd: number;
  /** `funcref` or `externref`. */
  readonly element: string;
  readonly imported: boolean;
}

/** An import that is no host call. Its type is a function's index where `kind` is `function`. */
export interface ShapedLink {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** Index within its kind: imports come first. */
  readonly index: number;
}

/** What was found in a module's code. */
export interface CodeFindings {
  /** What metering and `memory.grow` change. */
  readonly edits: CodeEdits;
  readonly compile: CompileCost;
  /** Number of `memory.grow` instructions. */
  growCount: number;
  /** Number of `memory.fill`, `table.copy` and the like. */
  bulkCount: number;
  growsTables: boolean;
  /** It computes floating-point numbers; it uses relaxed SIMD. */
  floats: boolean;
  relaxed: boolean;
  /** The first instruction that catches exceptions: the encoding the module uses, as V8 takes one of them only. */
  catches: ModuleFacts['catches'];
  /** See `BOUNDS.wideValues`. */
  wideValues: number;
}

/** A module as it was read: what the rewriter needs to know, and where everything lies. */
export interface ModuleShape {
  readonly sections: SectionSpan[];
  types: TypeTable;
  readonly imports: ImportedFunction[];
  /** Type index of each defined function. */
  functionTypes: Uint32Array;
  readonly tables: TableShape[];
  memory: Extent | null;
  memoryIsImported: boolean;
  /** Type index of each tag. */
  readonly tagTypes: number[];
  /** Type of each global, as text. */
  readonly globals: string[];
  /** Imports in order, those that turn out to be host calls among them. */
  readonly links: ShapedLink[];
  elementSegments: number;
  /** Elements of all of them together. */
  segmentElements: number;
  dataSegments: number;
  /** Bytes of those that are copied to memory when an instance is made. */
  dataBytes: number;
  readonly exports: { name: string; kind: ExternKind; index: number }[];
  /** Index of the function that the start section names. */
  start: number | null;
  readonly code: CodeFindings;
}

export function createModuleShape(): ModuleShape {
  return {
    sections: [],
    types: { at: new Uint32Array(0), params: new Uint16Array(0), results: new Uint16Array(0), i32ToI32: -1 },
    imports: [],
    functionTypes: new Uint32Array(0),
    tables: [],
    memory: null,
    memoryIsImported: false,
    tagTypes: [],
    globals: [],
    links: [],
    elementSegments: 0,
    segmentElements: 0,
    dataSegments: 0,
    dataBytes: 0,
    exports: [],
    start: null,
    code: {
      edits: new CodeEdits(),
      compile: new CompileCost(),
      growCount: 0,
      bulkCount: 0,
      growsTables: false,
      floats: false,
      relaxed: false,
      catches: null,
      wideValues: 0,
    },
  };
}
