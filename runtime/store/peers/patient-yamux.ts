import type { yamux } from '@chainsafe/libp2p-yamux';
import type { Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface';

type YamuxInit = Parameters<typeof yamux>[0];

/** What the stream of js-libp2p has beside its interface (`@libp2p/utils`, `AbstractMessageStream`). */
interface OpenStream extends Stream {
  onRemoteCloseWrite(): void;
}

interface OpenMuxer extends StreamMuxer {
  /** A peer opened a stream; the protocol is not agreed yet. */
  onRemoteStream(stream: OpenStream): void;
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
      const onRemoteStream = muxer.onRemoteStream.bind(muxer);
      muxer.onRemoteStream = (stream) => {
        keepEndBack(stream);
        onRemoteStream(stream);
      };
      return muxer;
    };
    return factory;
  };
}

/** Until `protocol` is set, once. */
function keepEndBack(stream: OpenStream): void {
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
}
