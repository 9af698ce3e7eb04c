import { randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { getPriority } from 'node:os';

/** What no write or lock lasts for: past it, an owner whose life cannot be told is taken for dead. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** Who writes: part of temporary files' names and of locks, so that others can tell whose leftovers they are. */
export interface Owner {
  /** Process id; 0 where it is not known. */
  readonly pid: number;
  /** Differs between two processes that had the same id, as the first process of every container does. */
  readonly nonce: string;
}

/** Two stores may be open in one process; what each holds is live until it is closed. */
const LIVE_NONCES = new Set<string>();

/** A new owner in this process. Without `/proc` the id stays unknown and leftovers are told by age. */
export function createOwner(): Owner {
  let pid = 0;
  try {
    pid = Number.parseInt(readlinkSync('/proc/self'), 10) || 0;
  } catch {
    // Not Linux.
  }
  const nonce = randomBytes(6).toString('hex');
  LIVE_NONCES.add(nonce);
  return { pid, nonce };
}

/** From now on what this owner left is a leftover. */
export function releaseOwner(owner: Owner): void {
  LIVE_NONCES.delete(owner.nonce);
}

/** Text that {@link isGone} reads. */
export function ownerTag(owner: Owner): string {
  return `${owner.pid}-${owner.nonce}`;
}

/**
 * Whether the owner that a tag names is gone for good.
 * @param tag may have more after it, following another `-`
 * @param ageMs of what it owns
 */
export function isGone(tag: string, ageMs: number, self: Owner): boolean {
  const [pidText = '', nonce = ''] = tag.split('-');
  const pid = Number.parseInt(pidText, 10) || 0;
  if (pid !== 0 && pid === self.pid) return !LIVE_NONCES.has(nonce);
  return (pid !== 0 && !isAlive(pid)) || ageMs > STALE_MS;
}

/** Asking for a process's priority is the one harmless question that fails when there is no such process. */
function isAlive(pid: number): boolean {
  try {
    getPriority(pid);
    return true;
  } catch {
    return false;
  }
}
