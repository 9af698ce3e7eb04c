import type { CgiCommand } from '../../core/services.ts';

/** Bytes of the command JSON, and so of everything in it. */
export const MAX_COMMAND_BYTES = 262_144;
const MAX_ARGS = 256;
const MAX_VARIABLES = 256;

/**
 * Reads the JSON of `cgi_open`: `command` (an alias), `args` (what is not text is left out, as bls-runtime does) and
 * `envs`, each `{name, value}` as the SDKs write it or `{env_name, env_val}` as bls-runtime reads it.
 * @returns `null` for what is no command, or has more than 256 arguments or variables, or a NUL, which no argv can hold
 */
export function parseCgiCommand(text: string): CgiCommand | null {
  const given = parseObject(text);
  if (given === null || typeof given.command !== 'string') return null;
  const args = list(given.args).filter((arg) => typeof arg === 'string');
  const env = list(given.envs).flatMap(readVariable);
  if (args.length > MAX_ARGS || env.length > MAX_VARIABLES) return null;
  if ([given.command, ...args, ...env.flat()].some((part) => part.includes('\0'))) return null;
  return { alias: given.command, args, env };
}

/** The setting that would make an alias one of the operator's extensions. */
export function settingForAlias(alias: string): string {
  if (alias === 'cgi-allora-infer') return 'set extensions.allora.script, or extensions.allora.enabled to true';
  const canBeKey = /^[a-z0-9][a-z0-9_-]{0,62}$/i.test(alias) && !['dir', 'allora'].includes(alias);
  return canBeKey ? `set extensions.${alias}.command, or extensions.dir` : 'set extensions.dir';
}

function readVariable(given: unknown): (readonly [string, string])[] {
  if (typeof given !== 'object' || given === null) return [];
  const { name, value, env_name: otherName, env_val: otherValue } = given as Record<string, unknown>;
  if (typeof name === 'string' && typeof value === 'string') return [[name, value]];
  return typeof otherName === 'string' && typeof otherValue === 'string' ? [[otherName, otherValue]] : [];
}

function list(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : [];
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
