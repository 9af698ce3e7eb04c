import type { Settings } from '../config/settings.ts';
import type { ExecutionContext } from '../core/execution.ts';
import { clampLimits, type Limits } from '../core/limits.ts';
import type { Manifest } from '../core/manifest.ts';
import { intersectPermissions } from '../core/permissions.ts';

/** Of a function: its name, and what its author declares. */
export interface Declared {
  readonly name: string;
  readonly manifest: Pick<Manifest, 'limits' | 'permissions'> | null;
}

/** What a person at a terminal gives a function to run with. */
export interface GivenInput extends Pick<ExecutionContext, 'args' | 'env' | 'stdin' | 'files'> {
  /** URL prefixes to allow beside the policy's: who types the command is the operator. */
  readonly allow: readonly string[];
  /** Permission lines as a request would have them; `null` narrows nothing. */
  readonly permissions?: readonly string[] | null;
  /** Limits as a request would ask for them; only narrower ones count. */
  readonly limits?: Partial<Limits>;
}

/**
 * The context of an execution that a command starts here.
 * @throws InferbaseError naming a permission line that is none
 */
export function executionContext(found: Declared, settings: Settings, given: GivenInput): ExecutionContext {
  return {
    args: [found.name, ...given.args],
    env: given.env,
    stdin: given.stdin,
    files: given.files ?? [],
    limits: clampLimits(settings.limits, found.manifest?.limits ?? {}, given.limits ?? {}),
    permissions: intersectPermissions({
      policy: [...settings.policy.allow, ...given.allow],
      manifest: found.manifest?.permissions ?? null,
      request: given.permissions ?? null,
    }),
  };
}
