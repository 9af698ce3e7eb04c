import { LRUCache } from 'lru-cache';
import type { PeerResult } from '../../core/node.ts';
import { createResultFiles, type ResultFiles } from './result-files.ts';
import { encodeRecord } from './result-record.ts';

/** Results of the last requests, by request id. */
export interface KeptResults {
  set(requestId: string, results: readonly PeerResult[]): void;
  /** One more, which may be the first; of a peer the last one counts. */
  add(requestId: string, result: PeerResult): void;
  get(requestId: string): Promise<readonly PeerResult[] | undefined>;
  /** Writes what is not on disk yet. */
  close(): Promise<void>;
}

export interface KeptResultsInit {
  /** Where they outlive the process; `null`: nowhere. */
  readonly folder: string | null;
  readonly log: (line: string, fields?: object) => void;
  /** Default 1 000. */
  readonly maxRequests?: number;
  /** Of output; default 64 MiB. */
  readonly maxBytes?: number;
}

const MAX_REQUESTS = 1_000;
const MAX_BYTES = 64 * 1_048_576;
/** Results are on disk this long after they came, in ms; under load later, so that a node writes 1 000 a second at most. */
const WRITE_MS = 50;
const MS_PER_RECORD = 1;
/** At a time, since they are encoded on the front thread; a request with more stays in memory only. */
const WRITE_BYTES = 4 * 1_048_576;

/** Results in memory, the oldest dropped first, and on disk where there is a folder. */
export function createKeptResults(init: KeptResultsInit): KeptResults {
  const { folder, log, maxRequests = MAX_REQUESTS, maxBytes = MAX_BYTES } = init;
  const kept = new LRUCache<string, readonly PeerResult[]>({
    max: maxRequests,
    maxSize: maxBytes,
    sizeCalculation: sizeOf,
  });
  const files = folder === null ? null : createResultFiles(folder, { enough: maxRequests });
  const loading = files === null ? null : load(files);
  const unwritten = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = loading ?? Promise.resolve();
  let isFailing = false;
  let isClosed = false;

  async function load(from: ResultFiles): Promise<void> {
    const records = await from.load();
    // What this process has by now is newer: it goes on top, and counts where both have it.
    const newer = [...kept.entries()].reverse();
    for (const { requestId, results } of records) kept.set(requestId, results);
    for (const [requestId, results] of newer) kept.set(requestId, results);
  }

  function keep(requestId: string, results: readonly PeerResult[]): void {
    kept.set(requestId, results);
    if (files === null) return;
    unwritten.add(requestId);
    schedule(files, WRITE_MS);
  }

  function schedule(to: ResultFiles, afterMs: number): void {
    if (isClosed) return;
    timer ??= setTimeout(() => {
      writing = writing
        .then(() => write(to))
        .then((records) => {
          timer = null;
          if (unwritten.size > 0) schedule(to, Math.max(WRITE_MS, MS_PER_RECORD * records));
        });
    }, afterMs).unref();
  }

  /** @returns how many records were written */
  async function write(to: ResultFiles): Promise<number> {
    const records: Buffer[] = [];
    let bytes = 0;
    for (const requestId of unwritten) {
      const results = kept.peek(requestId);
      const size = results === undefined ? 0 : sizeOf(results);
      if (bytes > 0 && bytes + size > WRITE_BYTES) break;
      unwritten.delete(requestId);
      if (results === undefined || size > WRITE_BYTES) continue;
      records.push(encodeRecord({ requestId, results }));
      bytes += size;
    }
    if (records.length === 0) return 0;
    try {
      await to.append(records);
      isFailing = false;
    } catch (error) {
      if (!isFailing) log('results cannot be written to the data folder and will not survive a restart', { error });
      isFailing = true;
    }
    return records.length;
  }

  return {
    set: keep,
    add(requestId, result) {
      const others = kept.peek(requestId)?.filter(({ peerId }) => peerId !== result.peerId) ?? [];
      keep(requestId, [...others, result]);
    },
    async get(requestId) {
      const found = kept.get(requestId);
      if (found !== undefined || loading === null) return found;
      await loading;
      return kept.get(requestId);
    },
    async close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
      await writing;
      while (files !== null && unwritten.size > 0) await write(files);
    },
  };
}

function sizeOf(results: readonly PeerResult[]): number {
  return results.reduce(
    (sum, { outcome: { stdout, stderr, message } }) => sum + 1_024 + stdout.length + stderr.length + message.length,
    512,
  );
}
