import type { yamux } from '@chainsafe/libp2p-yamux';
import type { MessageStream, Stream, StreamMuxerFactory } from '@libp2p/interface';
import { type JoinedFrames, joinFrames, type SendingMuxer } from './joined-frames.ts';

type YamuxInit = Parameters<typeof yamux>[0];

/** What the stream of js-libp2p has beside its interface (`@libp2p/utils`, `AbstractMessageStream`). */
interface OpenStream extends Stream {
  onRemoteCloseWrite(): void;
  /** One of `YamuxStream`'s states. */
  readonly state: number;
  /** Bytes that may be received before the window is renewed, and how many of them are left. */
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
  sendWindowUpdate(): void;
  sendFrame(header: unknown, data?: unknown): unknown;
}

interface OpenMuxer extends SendingMuxer {
  /** Sends a frame; those without data answer the other side, or open and end streams. */
  sendFrame(header: unknown, data?: unknown): unknown;
  /** A peer opened a stream; the protocol is not agreed yet. */
  onRemoteStream(stream: OpenStream): void;
  /** Makes every stream, of either side. */
  _newStream(...args: unknown[]): OpenStream;
}

/**
 * Yamux that keeps the end of a peer's stream back until its protocol is agreed. go-libp2p sends the negotiation, the
 * message and the end of the stream at once, without waiting for an answer. js-libp2p takes the end at its word while the
 * negotiation still holds the message, and then resets the stream or says that it has ended before anybody read it:
 * which of them depends on how the network cuts the bytes, and the message is lost either way.
 */
export async function patientYamux(init: YamuxInit): Promise<() => StreamMuxerFactory> {
  const { yamux } = await import('@chainsafe/libp2p-yamux');
  const create = yamux(init);
  return () => {
    const factory: StreamMuxerFactory = create();
    const createStreamMuxer = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection) => {
      const muxer = createStreamMuxer(connection) as OpenMuxer;
      requireInside(muxer, ['sendFrame', 'onRemoteStream', '_newStream', 'ping']);
      const joined = joinFrames(muxer, connection);
      boundAnswers(muxer, connection);
      const newStream = muxer._newStream.bind(muxer);
      muxer._newStream = (...args) => {
        const stream = newStream(...args);
        renewRarely(stream);
        return stream;
      };
      const onRemoteStream = muxer.onRemoteStream.bind(muxer);
      muxer.onRemoteStream = (stream) => {
        const hasEnded = keepEndBack(stream);
        answerUnhurriedly(stream, joined, hasEnded);
        onRemoteStream(stream);
      };
      return muxer;
    };
    return factory;
  };
}

/**
 * What is done here holds for the pinned version of the package: better no connection than one that loses messages.
 * @throws Error naming what is not there
 */
export function requireInside(part: object, names: readonly string[]): void {
  const missing = names.filter((name) => typeof (part as Record<string, unknown>)[name] !== 'function');
  if (missing.length === 0) return;
  throw new Error(
    `@chainsafe/libp2p-yamux has no ${missing.join(', ')} any more: patient-yamux.ts has to be fitted to it`,
  );
}

/** Frames without data that may wait for a peer to read; each takes 250 bytes of memory, whatever its own twelve say. */
const MAX_WAITING = 32_768;

/**
 * Ends the connection of a peer that has this node answer, such as its pings, and does not read the answers: libp2p holds
 * as many as there are.
 */
function boundAnswers(muxer: OpenMuxer, connection: MessageStream): void {
  const sendFrame = muxer.sendFrame.bind(muxer);
  let waiting = 0;
  muxer.sendFrame = (header, data) => {
    waiting = connection.writableNeedsDrain ? waiting + (data === undefined ? 1 : 0) : 0;
    if (waiting <= MAX_WAITING) return sendFrame(header, data);
    connection.abort(new Error('it has this node answer and does not read'));
    return false;
  };
}

/** Of `YamuxStream`'s states, the last before a stream is over or paused: an established one. */
const ESTABLISHED = 3;

/**
 * Renews a stream's window when half of it is used, as Go's yamux does. js-libp2p does it for every frame that brings data,
 * and to open a stream and to take one, which the first frame with data says as well: on streams of one small message,
 * half of all frames.
 */
function renewRarely(stream: OpenStream): void {
  requireInside(stream, ['sendWindowUpdate', 'onRemoteCloseWrite', 'sendFrame']);
  // Without these it only costs frames.
  if (![stream.state, stream.recvWindow, stream.recvWindowCapacity].every(Number.isFinite)) return;
  const renew = stream.sendWindowUpdate.bind(stream);
  stream.sendWindowUpdate = () => {
    const { state, recvWindow, recvWindowCapacity } = stream;
    if (state <= ESTABLISHED && recvWindowCapacity > recvWindow / 2) return;
    renew();
  };
}

/**
 * Lets what a stream is answered wait for other frames once its peer has said all: there, nobody waits for it. On the
 * streams of one message each that is all the answer there is.
 */
function answerUnhurriedly(stream: OpenStream, joined: JoinedFrames, hasEnded: () => boolean): void {
  const sendFrame = stream.sendFrame.bind(stream);
  stream.sendFrame = (header, data) =>
    hasEnded() ? joined.unhurried(() => sendFrame(header, data)) : sendFrame(header, data);
}

/** Until `protocol` is set, once. @returns whether the peer has said all */
function keepEndBack(stream: OpenStream): () => boolean {
  const end = stream.onRemoteCloseWrite;
  let ended = false;
  stream.onRemoteCloseWrite = () => {
    ended = true;
  };
  Object.defineProperty(stream, 'protocol', {
    configurable: true,
    enumerable: true,
    get: () => '',
    set(protocol: string) {
      Object.defineProperty(stream, 'protocol', {
        configurable: true,
        enumerable: true,
        writable: true,
        value: protocol,
      });
      stream.onRemoteCloseWrite = end;
      if (ended) stream.onRemoteCloseWrite();
    },
  });
  return () => ended || stream.remoteWriteStatus === 'closed';
}
