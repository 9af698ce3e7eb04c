import type { ServerResponse } from 'node:http';

/** Shorter answers are left out: a socket's own buffers take them, and most answers are short. */
const SMALL_BYTES = 65_536;
/** A reader that takes nothing for this long is gone, in ms. */
const IDLE_MS = 60_000;

/** Answers that lie in memory because their readers do not take them. */
export interface SlowReaders {
  /** @param bytes of the whole answer, which is about to be sent */
  note(response: ServerResponse, bytes: number): void;
}

/**
 * Bounds what answers that are not read may take: past `maxBytes` of them all together the oldest one loses its
 * connection, as does whoever takes nothing for a minute. Who reads is rid of its answer long before.
 */
export function createSlowReaders({ maxBytes }: { readonly maxBytes: number }): SlowReaders {
  /** Oldest first. */
  const unread = new Map<ServerResponse, number>();
  let total = 0;

  function forget(response: ServerResponse): void {
    total -= unread.get(response) ?? 0;
    unread.delete(response);
  }

  return {
    note(response, bytes) {
      if (bytes < SMALL_BYTES) return;
      unread.set(response, bytes);
      total += bytes;
      response.once('close', () => forget(response));
      response.setTimeout(IDLE_MS, () => response.destroy());
      for (const oldest of unread.keys()) {
        if (total <= maxBytes || oldest === response) break;
        forget(oldest);
        oldest.destroy();
      }
    },
  };
}
