import { lstat, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AtomicFiles, codeOf, storeUnavailable } from './atomic-file.ts';
import { isGone, type Owner, ownerTag } from './owner.ts';

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
  list(): Promise<readonly Pin[]>;
}

/** Far longer than writing a list of pins takes. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 20;

/** @param init.path of `pins.json`, shared by several processes */
export function createPins(components: { files: AtomicFiles }, init: { path: string; owner: Owner }): Pins {
  const { path, owner } = init;
  const lock = `${path}.lock`;
  let queue: Promise<unknown> = Promise.resolve();

  async function list(): Promise<readonly Pin[]> {
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

  async function add({ cid, name, linked = [] }: Omit<Pin, 'pinnedAt'>): Promise<void> {
    await acquire();
    try {
      const pinnedAt = new Date().toISOString();
      const others = (await list()).filter((pin) => pin.cid !== cid);
      const pins: readonly Pin[] = [...others, { cid, name, pinnedAt, ...(linked.length > 0 && { linked }) }];
      await components.files.write(path, Buffer.from(`${JSON.stringify(pins, null, 2)}\n`), 'pins');
    } finally {
      await rm(lock, { force: true });
    }
  }

  /** Without it, two processes that pin at once would each write a list without the other's. */
  async function acquire(): Promise<void> {
    for (const start = Date.now(); ; ) {
      try {
        // A symbolic link comes into being with its holder's name in it, which a file does not.
        await symlink(ownerTag(owner), lock);
        return;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw storeUnavailable(lock, error);
      }
      await breakStale();
      if (Date.now() - start > PATIENCE_MS) throw storeUnavailable(lock, new Error('another process holds this lock'));
      await sleep(RETRY_MS);
    }
  }

  async function breakStale(): Promise<void> {
    try {
      const holder = await readlink(lock);
      const { mtimeMs } = await lstat(lock);
      if (isGone(holder, Date.now() - mtimeMs, owner)) await rm(lock, { force: true });
    } catch (error) {
      // Given back meanwhile.
      if (codeOf(error) !== 'ENOENT') throw storeUnavailable(lock, error);
    }
  }

  return {
    list,
    add(pin) {
      const turn = queue.then(() => add(pin));
      queue = turn.catch(() => {});
      return turn;
    },
  };
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
