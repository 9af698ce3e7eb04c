import { hash } from 'node:crypto';
import { InferbaseError } from '../core/errors.ts';
import { type ModuleFacts, type PreparedModule, REWRITTEN } from '../core/module-facts.ts';
import { type CheckedImports, checkImports } from './check-imports.ts';
import { countDecodedTypes } from './decoded-types.ts';
import { describeExports } from './describe-externs.ts';
import { requireCoreModule } from './first-bytes.ts';
import { estimateInstanceBytes, estimateSetupFuel } from './instance-cost.ts';
import { invalidModule, oneLine, quoteName } from './invalid-module.ts';
import type { ModuleShape } from './module-shape.ts';
import { readModule } from './read-module.ts';
import { rewriteModule } from './rewrite.ts';

/**
 * Makes a module ready to run here: holds what it declares against `BOUNDS`, its imports against the host-call table,
 * has V8 validate it, rewrites it, has V8 validate the result. The original is validated first because splicing can make
 * an invalid module valid, one that names what only the rewriter adds.
 *
 * Does not depend on any setting; what the operator allows is for `checkMemory`.
 * @param bytes a core module; not kept
 * @param libraries names that other modules of its package are imported by; see `linkModules`
 * @throws InferbaseError ERR_INVALID_MODULE naming what is wrong and where, ERR_INTERNAL if rewriting spoilt it
 */
export function prepareModule(bytes: Uint8Array, libraries: ReadonlySet<string> = NONE): PreparedModule {
  requireCoreModule(bytes);
  const shape = readModule(bytes);
  refuseReservedExports(shape);
  const imported = checkImports(bytes, shape, libraries);
  const sha256 = hash('sha256', bytes);
  countDecodedTypes(sha256, shape.types.at.length);
  if (!WebAssembly.validate(bytes)) {
    throw invalidModule(`V8 finds the module invalid: ${reasonInvalid(bytes)}; build it again or with other features`);
  }
  const rewritten = rewriteModule(bytes, shape);
  if (!WebAssembly.validate(rewritten)) {
    const reason = reasonInvalid(rewritten);
    throw new InferbaseError('ERR_INTERNAL', `the rewritten module is not valid: ${reason}; report the module`);
  }
  return { facts: { sha256, ...describeModule(bytes, shape), ...imported }, bytes: rewritten };
}

const NONE: ReadonlySet<string> = new Set();

function describeModule(bytes: Uint8Array, shape: ModuleShape): Omit<ModuleFacts, 'sha256' | keyof CheckedImports> {
  return {
    size: bytes.length,
    memory: shape.memory,
    types: shape.types.at.length,
    instanceBytes: estimateInstanceBytes(shape),
    setupFuel: estimateSetupFuel(shape),
    exports: describeExports(bytes, shape),
    growsTables: shape.code.growsTables,
    varies: [
      ...(shape.code.floats ? ['nan-bits' as const] : []),
      ...(shape.code.relaxed ? ['relaxed-simd' as const] : []),
    ],
    hasStart: shape.start !== null,
    catches: shape.code.catches,
  };
}

function refuseReservedExports(shape: ModuleShape): void {
  const { grow, start, fuel, tick, pause } = REWRITTEN;
  const reserved: readonly string[] = [grow, start, fuel, tick, pause];
  for (const { name } of shape.exports) {
    if (reserved.includes(name)) {
      throw invalidModule(`the module exports ${quoteName(name)}, a name that is reserved here; rename the export`);
    }
  }
}

/** V8's own words for why a module is invalid; `validate` has none. */
function reasonInvalid(bytes: Uint8Array): string {
  try {
    new WebAssembly.Module(bytes);
    return 'no reason given';
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return oneLine(text.replace(/^WebAssembly\.Module\(\): /, ''));
  }
}
