import type { Connection, Stream } from '@libp2p/interface';
import { CID } from 'multiformats/cid';
import { SourceMiss } from '../sources/block-source.ts';
import { varint } from '../varint.ts';
import { encodeMessage, MAX_ENTRIES, type Want } from './bitswap-message.ts';

export const BITSWAP = '/ipfs/bitswap/1.2.0';

/** How long a peer may take to accept what it is sent, in ms. */
const SEND_TIMEOUT_MS = 20_000;
/** A stream is kept this long for the next message. */
const IDLE_MS = 3_000;

/** What goes to one peer: one stream, messages in order. */
export interface Outbox {
  /** Asks for a block, or takes a want back; what is asked in one turn goes in one message. */
  want(want: Want): void;
  /** Says whether blocks are here. */
  tell(presences: readonly { cid: Uint8Array; has: boolean }[]): Promise<void>;
  /** @throws when the peer did not take it in time */
  send(cid: CID, block: Uint8Array): Promise<void>;
  close(): void;
}

/**
 * @param init.connection the peer's connection to use now, if there is one
 * @param init.onFailure told when wants could not be sent
 */
export function createOutbox(init: {
  connection: () => Connection | undefined;
  onFailure: (error: unknown) => void;
}): Outbox {
  let stream: Stream | undefined;
  let idle: NodeJS.Timeout | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let wants: Want[] = [];
  let closed = false;

  async function open(signal: AbortSignal): Promise<Stream> {
    if (stream?.writeStatus === 'writable') return stream;
    const connection = init.connection();
    if (connection === undefined || closed) throw new SourceMiss('ERR_SOURCE_UNAVAILABLE', 'it is gone');
    stream = await connection.newStream(BITSWAP, { signal });
    // Answers come on streams that the peer opens.
    await stream.closeRead({ signal });
    return stream;
  }

  function close(): void {
    clearTimeout(idle);
    const old = stream;
    stream = undefined;
    old?.close({ signal: AbortSignal.timeout(SEND_TIMEOUT_MS) }).catch((error: Error) => old.abort(error));
  }

  async function deliver(pieces: readonly Uint8Array[]): Promise<void> {
    clearTimeout(idle);
    const signal = AbortSignal.timeout(SEND_TIMEOUT_MS);
    const opened = await open(signal);
    try {
      let drained = true;
      for (const piece of pieces) drained = opened.send(piece);
      if (!drained) await opened.onDrain({ signal });
    } catch (error) {
      opened.abort(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    idle = setTimeout(close, IDLE_MS);
    idle.unref();
  }

  function post(pieces: readonly Uint8Array[]): Promise<void> {
    const sent = turn.then(() => deliver(pieces));
    turn = sent.catch(() => {});
    return sent;
  }

  return {
    want(want) {
      wants.push(want);
      if (wants.length > 1) return;
      setImmediate(() => {
        const all = wants;
        wants = [];
        for (let at = 0; at < all.length; at += MAX_ENTRIES) {
          post([Buffer.concat(encodeMessage({ wants: all.slice(at, at + MAX_ENTRIES) }))]).catch(init.onFailure);
        }
      });
    },
    tell: (presences) => post([Buffer.concat(encodeMessage({ presences }))]),
    send: (cid, data) => post(encodeMessage({ blocks: [{ prefix: prefixOf(cid), data }] })),
    close() {
      closed = true;
      close();
    },
  };
}

/** A CID without its digest. */
function prefixOf(cid: CID): Uint8Array {
  const { version, code, multihash } = CID.asCID(cid) ?? cid;
  return Buffer.concat([version, code, multihash.code, multihash.digest.length].map(varint));
}
