import type { MessagePort } from 'node:worker_threads';
import { CID } from 'multiformats/cid';
import { type BlockSource, type MissCode, SourceMiss, toMiss } from './block-source.ts';

/** A source in another thread, as the preparation thread is told of it. */
export interface SourcePort {
  /** {@link BlockSource.name} */
  readonly name: string;
  /** To where {@link serveSource} runs; is moved to the preparation thread. */
  readonly port: MessagePort;
}

type Question = { readonly want: number; readonly cid: Uint8Array } | { readonly leave: number };
type Answer =
  | { readonly to: number; readonly bytes: Uint8Array }
  | { readonly to: number; readonly code: MissCode; readonly message: string };

export interface PortSource extends BlockSource {
  /** The other thread was replaced, and this is the port to the new one. */
  renew(port: MessagePort): void;
}

/** The asking end of a source in another thread. A closed port fails what is asked then and until it is renewed. */
export function createPortSource({ name, port: first }: SourcePort): PortSource {
  const waiting = new Map<number, PromiseWithResolvers<Uint8Array>>();
  let nextId = 1;
  let gone = false;
  let port = first;

  function open(next: MessagePort): void {
    port = next;
    gone = false;
    port.on('message', (answer: Answer) => {
      const wanted = waiting.get(answer.to);
      if ('bytes' in answer) wanted?.resolve(answer.bytes);
      else wanted?.reject(new SourceMiss(answer.code, answer.message));
    });
    port.on('close', () => {
      if (port !== next) return;
      gone = true;
      for (const wanted of waiting.values()) wanted.reject(missing());
    });
    // Work under way keeps the thread alive by other means; an idle port must not.
    port.unref();
  }
  open(first);

  return {
    name,
    async fetchBlock(cid, { signal }) {
      signal.throwIfAborted();
      if (gone) throw missing();
      const id = nextId++;
      const wanted = Promise.withResolvers<Uint8Array>();
      const leave = (): void => {
        port.postMessage({ leave: id } satisfies Question);
        wanted.reject(signal.reason);
      };
      waiting.set(id, wanted);
      signal.addEventListener('abort', leave, { once: true });
      port.postMessage({ want: id, cid: cid.bytes } satisfies Question);
      try {
        return await wanted.promise;
      } finally {
        waiting.delete(id);
        signal.removeEventListener('abort', leave);
      }
    },
    renew: open,
    async close() {
      port.close();
    },
  };
}

/**
 * The answering end: serves a source to the thread that holds the other port, until either port is closed.
 * @param source its `fetchDag` is not used
 */
export function serveSource(port: MessagePort, source: BlockSource): void {
  const open = new Map<number, AbortController>();
  port.on('message', (question: Question) => {
    if ('leave' in question) open.get(question.leave)?.abort();
    else void answer(question);
  });
  port.on('close', () => {
    for (const controller of open.values()) controller.abort();
  });

  async function answer({ want, cid }: Extract<Question, { want: number }>): Promise<void> {
    const controller = new AbortController();
    open.set(want, controller);
    try {
      const bytes = await source.fetchBlock(CID.decode(cid), { signal: controller.signal });
      // Copied, not moved: the source may keep its own.
      if (!controller.signal.aborted) port.postMessage({ to: want, bytes } satisfies Answer);
    } catch (error) {
      const { code, message } = toMiss(error);
      if (!controller.signal.aborted) port.postMessage({ to: want, code, message } satisfies Answer);
    } finally {
      open.delete(want);
    }
  }
}

function missing(): SourceMiss {
  return new SourceMiss('ERR_SOURCE_UNAVAILABLE', 'failed: its thread is gone');
}
