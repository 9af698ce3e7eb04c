import { createHash } from 'node:crypto';
import { toErrorData } from '../core/errors.ts';
import { findHostCall } from '../core/host-calls.ts';
import type { Manifest } from '../core/manifest.ts';
import type { ModuleFacts } from '../core/module-facts.ts';
import { checkMemory } from '../wasm/check-memory.ts';

export interface ModuleReport {
  readonly name: string;
  readonly sha256?: string;
  readonly memory?: ModuleFacts['memory'];
  readonly hasStart?: boolean;
  /** Each import with what a call of it does. */
  readonly imports?: readonly { readonly module: string; readonly name: string; readonly note: string }[];
  readonly exports?: readonly { readonly name: string; readonly kind: string }[];
  /** Why it would not run; `null` when it would. */
  readonly refused: string | null;
}

/** What `inspect` found. */
export interface Inspection {
  readonly kind: string;
  /** In bytes. */
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly manifest: Manifest | null;
  readonly modules: readonly ModuleReport[];
}

/** What a module's own bytes say; for one that is refused, as much as V8 can tell. */
export async function inspectBytes(name: string, bytes: Uint8Array<ArrayBuffer>, pages: number): Promise<ModuleReport> {
  const { prepareModule } = await import('../wasm/prepare.ts');
  try {
    return inspectFacts(name, prepareModule(bytes).facts, pages);
  } catch (error) {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { name, sha256, ...describe(bytes), refused: toErrorData(error).message };
  }
}

/** Imports and exports of a module that we refuse but V8 reads. */
function describe(bytes: Uint8Array<ArrayBuffer>): Pick<ModuleReport, 'imports' | 'exports'> {
  try {
    const module = new WebAssembly.Module(bytes);
    return {
      imports: WebAssembly.Module.imports(module).map(({ module: from, name }) => explain(from, name)),
      exports: WebAssembly.Module.exports(module),
    };
  } catch {
    return {};
  }
}

/** What the facts of a prepared module say. */
export function inspectFacts(name: string, facts: ModuleFacts, memoryPages: number): ModuleReport {
  const { sha256, memory, hasStart, imports, exports } = facts;
  return {
    name,
    sha256,
    memory,
    hasStart,
    imports: imports.map(({ module, name: call }) => explain(module, call)),
    exports,
    refused: refusal(facts, memoryPages),
  };
}

function refusal(facts: ModuleFacts, memoryPages: number): string | null {
  try {
    checkMemory(facts, memoryPages);
  } catch (error) {
    return toErrorData(error).message;
  }
  const entry = facts.exports.some(({ name, kind }) => kind === 'function' && (name === '_start' || name === ''));
  return entry || facts.hasStart ? null : 'it exports no _start and has no start section, so there is nothing to run';
}

function explain(module: string, name: string): { module: string; name: string; note: string } {
  const call = findHostCall(module, name);
  if (call === undefined) return { module, name, note: 'refused, no host call has this name' };
  const { unservedErrno, permission } = call;
  if (unservedErrno !== null) return { module, name, note: `not served, returns errno ${unservedErrno}` };
  return { module, name, note: permission === 'none' ? 'served' : `served, needs ${permission} permission` };
}
