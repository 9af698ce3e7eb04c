import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { fromErrorData, InferbaseError } from '../../core/errors.ts';
import { threadEnvironment, threadUrl } from '../../core/thread-url.ts';
import type { FromPeersThread, Membership, PeersThreadData, ToPeersThread } from './protocol.ts';

export interface PeersInit extends PeersThreadData {
  /** The thread's entry, as `core/thread-url.ts` names it, where it is to do more than exchange blocks. */
  readonly entry?: string | undefined;
  /** Given a port to such an entry, each time the thread starts. */
  readonly onPort?: ((port: MessagePort) => void) | undefined;
  readonly log: (line: string, fields?: object) => void;
  /** The thread died and was replaced: ports given out before lead nowhere. */
  readonly onReplaced: () => void;
}

/** The libp2p host of this process, in a thread of its own. */
export interface Peers {
  /**
   * Becomes a lasting member: listens, keeps connected, serves.
   * @returns multiaddrs it can be reached at, with its peer id
   * @throws InferbaseError `ERR_INVALID_SETTING` when it cannot listen
   */
  join(membership: Membership): Promise<readonly string[]>;
  /**
   * A port for another thread to ask through. Until the node joins, the host has a passing identity, only dials and serves
   * nothing, so that a short command never stands in for the node of the same folder.
   */
  openPort(): MessagePort;
  close(): Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  readonly exited: Promise<void>;
  joining: PromiseWithResolvers<readonly string[]> | undefined;
}

/**
 * Heap of the thread, and what each connection adds: 170 KB of all memory were seen, some of it heap. In MB. The longest
 * message there may be, 32 MiB, is four strings of two bytes a character at the moment when it is handed on.
 */
const HEAP_MB = 768;
const HEAP_MB_EACH = 0.25;
const CLOSE_MS = 3_000;
/** First and longest pause before a dead thread is replaced, in ms. */
const PAUSE_MS = [1_000, 60_000] as const;

/** Nothing is started before the first call. */
export function createPeers({ log, onReplaced, entry, onPort, ...data }: PeersInit): Peers {
  let membership: Membership | undefined;
  let thread: Thread | undefined;
  let pause: number = PAUSE_MS[0];
  let restart: NodeJS.Timeout | undefined;
  let closed = false;

  function start(): Thread {
    const worker = new Worker(threadUrl(entry ?? 'store/peers/thread'), {
      workerData: data satisfies PeersThreadData,
      env: threadEnvironment(),
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB + HEAP_MB_EACH * data.maxConnections },
    });
    const began = Date.now();
    // Peers keep no process alive: what serves them is kept alive by its API.
    worker.unref();
    const exited = Promise.withResolvers<void>();
    const started: Thread = { worker, exited: exited.promise, joining: undefined };
    worker.on('message', (message: FromPeersThread) => {
      if (message.type === 'log') log(message.line, message.fields);
      else if (message.type === 'failed') started.joining?.reject(fromErrorData(message.error));
      else started.joining?.resolve(message.addresses);
    });
    worker.on('error', (error) => log('the thread of the libp2p host died', { error: String(error) }));
    worker.on('exit', () => {
      started.joining?.reject(new InferbaseError('ERR_INTERNAL', 'The libp2p host does not start; see the log.'));
      exited.resolve();
      thread = undefined;
      // One that lived long did not die of what killed the one before.
      if (Date.now() - began > PAUSE_MS[1]) pause = PAUSE_MS[0];
      if (!closed) restart = setTimeout(replace, grow()).unref();
    });
    return started;
  }

  function replace(): void {
    onReplaced();
    void rejoin();
  }

  async function rejoin(): Promise<void> {
    if (membership === undefined || closed) return;
    try {
      await join(membership);
    } catch (error) {
      log('the libp2p host does not come back; it is tried again', { error: String(error) });
      // Where the thread itself ended, its successor does.
      if (thread !== undefined && !closed) restart = setTimeout(() => void rejoin(), grow()).unref();
    }
  }

  /** The pause to make now; the next one is longer. */
  function grow(): number {
    const now = pause;
    pause = Math.min(PAUSE_MS[1], pause * 2);
    return now;
  }

  function send(message: ToPeersThread, transfer: readonly MessagePort[] = []): void {
    thread?.worker.postMessage(message, [...transfer]);
  }

  async function join(wanted: Membership): Promise<readonly string[]> {
    thread ??= start();
    const joining = Promise.withResolvers<readonly string[]>();
    thread.joining = joining;
    thread.worker.ref();
    if (onPort === undefined) send({ type: 'join', membership: wanted });
    else {
      const { port1, port2 } = new MessageChannel();
      onPort(port1);
      send({ type: 'join', membership: wanted, port: port2 }, [port2]);
    }
    try {
      return await joining.promise;
    } finally {
      thread?.worker.unref();
    }
  }

  return {
    async join(wanted) {
      const addresses = await join(wanted);
      membership = wanted;
      return addresses;
    },
    openPort() {
      thread ??= start();
      const { port1, port2 } = new MessageChannel();
      send({ type: 'asker', port: port2 }, [port2]);
      return port1;
    },
    async close() {
      closed = true;
      clearTimeout(restart);
      if (thread === undefined) return;
      const { worker, exited } = thread;
      worker.ref();
      send({ type: 'close' });
      const timer = setTimeout(() => void worker.terminate(), CLOSE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}
