/**
 * The WebAssembly JavaScript API as Node has it, JSPI included. TypeScript keeps these types in its DOM library, which
 * would also offer `window` to code that runs in none. Source: WebAssembly JavaScript Interface; js-promise-integration.
 */
declare namespace WebAssembly {
  type ImportExportKind = 'function' | 'table' | 'memory' | 'global' | 'tag';
  type ExportValue = CallableFunction | Global | Memory | Table | Tag;
  type ImportValue = ExportValue | Suspending | number | bigint;
  type ModuleImports = Record<string, ImportValue>;
  type Imports = Record<string, ModuleImports>;
  type Exports = Record<string, ExportValue>;

  interface ModuleExportDescriptor {
    name: string;
    kind: ImportExportKind;
  }
  interface ModuleImportDescriptor extends ModuleExportDescriptor {
    module: string;
  }

  class Module {
    constructor(bytes: ArrayBufferView | ArrayBuffer);
    static exports(module: Module): ModuleExportDescriptor[];
    static imports(module: Module): ModuleImportDescriptor[];
    static customSections(module: Module, name: string): ArrayBuffer[];
  }
  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Table {
    constructor(descriptor: { element: string; initial: number; maximum?: number });
    readonly length: number;
    get(index: number): unknown;
    set(index: number, value: unknown): void;
  }
  class Global {
    constructor(descriptor: { value: string; mutable?: boolean }, value?: unknown);
    value: unknown;
  }
  class Tag {
    constructor(descriptor: { parameters: string[] });
  }
  class Exception extends Error {
    constructor(tag: Tag, payload: unknown[]);
  }
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  /** Wraps an import that may return a promise: the guest's stack is parked until it settles. */
  class Suspending {
    constructor(call: CallableFunction);
  }
  /** Wraps an export so that it may be parked; the call returns a promise of its result. */
  function promising(entry: CallableFunction): (...args: unknown[]) => Promise<unknown>;
  function validate(bytes: ArrayBufferView | ArrayBuffer): boolean;
  function compile(bytes: ArrayBufferView | ArrayBuffer): Promise<Module>;
}
