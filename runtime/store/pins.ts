import { readFile } from 'node:fs/promises';
import { type AtomicFiles, codeOf, storeUnavailable } from './atomic-file.ts';
import { withLock } from './lock.ts';
import type { Owner } from './owner.ts';

/** A CID that the operator wants to keep. */
export interface Pin {
  readonly cid: string;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly pinnedAt: string;
  /** CIDs that are kept with it: an archive that its manifest names by a CID of its own. */
  readonly linked?: readonly string[];
}

export interface Pins {
  /** Adds a pin, or renames it. */
  add(pin: Omit<Pin, 'pinnedAt'>): Promise<void>;
  /** @returns whether it was pinned */
  remove(cid: string): Promise<boolean>;
  list(): Promise<readonly Pin[]>;
}

/** @param init.path of `pins.json`, shared by several processes */
export function createPins(components: { files: AtomicFiles }, init: { path: string; owner: Owner }): Pins {
  const { path, owner } = init;
  let queue: Promise<unknown> = Promise.resolve();

  /** Without the lock, two processes that pin at once would each write a list without the other's. */
  function change(to: (pins: readonly Pin[]) => readonly Pin[]): Promise<boolean> {
    const turn = queue.then(() =>
      withLock(`${path}.lock`, owner, async () => {
        const before = await readPins(path);
        const pins = to(before);
        if (pins === before) return false;
        await components.files.write(path, Buffer.from(`${JSON.stringify(pins, null, 2)}\n`), 'pins');
        return true;
      }),
    );
    queue = turn.catch(() => {});
    return turn;
  }

  return {
    list: () => readPins(path),
    async add({ cid, name, linked = [] }) {
      const pin: Pin = { cid, name, pinnedAt: new Date().toISOString(), ...(linked.length > 0 && { linked }) };
      await change((pins) => [...pins.filter((other) => other.cid !== cid), pin]);
    },
    remove: (cid) =>
      change((pins) => (pins.some((pin) => pin.cid === cid) ? pins.filter((pin) => pin.cid !== cid) : pins)),
  };
}

/**
 * The pins in `pins.json`; none where there is no such file.
 * @throws InferbaseError `ERR_STORE_UNAVAILABLE` when it cannot be read or is something else
 */
export async function readPins(path: string): Promise<readonly Pin[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw storeUnavailable(path, error);
  }
  const pins = parsePins(text);
  if (pins === undefined)
    throw storeUnavailable(path, new Error('it is not a list of pins; repair or remove the file'));
  return pins;
}

function parsePins(text: string): readonly Pin[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every(isPin) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isPin(value: unknown): value is Pin {
  if (typeof value !== 'object' || value === null) return false;
  const { cid, name, pinnedAt, linked } = value as Partial<Record<keyof Pin, unknown>>;
  if (linked !== undefined && !(Array.isArray(linked) && linked.every((item) => typeof item === 'string')))
    return false;
  return typeof cid === 'string' && typeof name === 'string' && typeof pinnedAt === 'string';
}
