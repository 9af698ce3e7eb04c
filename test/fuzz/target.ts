import { InferbaseError } from '../../runtime/core/errors.ts';
import type { Random } from './random.ts';

/** Something that takes bytes from strangers. */
export interface FuzzTarget {
  readonly name: string;
  /** Makes ready; what takes long is done here, once. */
  open(): Promise<OpenTarget>;
}

export interface OpenTarget {
  /** Makes one case and tries it. Throws when something is wrong with what came of it. */
  try(random: Random): void | Promise<void>;
  close?(): Promise<void>;
}

/** This process has had enough of what V8 never forgets; a new one goes on. */
export class NeedsNewProcess extends Error {}

/**
 * What `attempt` gives, or `undefined` where it was refused in the way it should be.
 * @param codes of errors that are an answer; anything else that is thrown is a find
 */
export function refusable<T>(codes: readonly string[], attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    requireRefusal(codes, error);
    return undefined;
  }
}

/** The same of something that takes its time. */
export async function refusableSoon<T>(codes: readonly string[], attempt: () => Promise<T>): Promise<T | undefined> {
  try {
    return await attempt();
  } catch (error) {
    requireRefusal(codes, error);
    return undefined;
  }
}

const MAX_MESSAGE = 3_000;

function requireRefusal(codes: readonly string[], error: unknown): void {
  if (!(error instanceof InferbaseError)) throw error;
  if (!codes.includes(error.code)) throw new Error(`refused as ${error.code}: ${error.message}`, { cause: error });
  if (error.message.length > MAX_MESSAGE) throw new Error(`a message of ${error.message.length} characters`);
}

/** Fails the case. */
export function require(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}
