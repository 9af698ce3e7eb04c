import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import type { Connection, Libp2p, Stream, StreamMuxer } from '@libp2p/interface';
import { createHost } from '../../../runtime/store/peers/host.ts';
import { requireInside } from '../../../runtime/store/peers/patient-yamux.ts';
import { LOOPBACK, until } from './support.ts';

const PROTOCOL = '/test/1';
/** Type of a Yamux frame that renews a window (https://github.com/hashicorp/yamux/blob/master/spec.md). */
const WINDOW_UPDATE = 1;

interface Frame {
  readonly type: number;
  readonly flag: number;
  readonly streamID: number;
}

/** A connection as js-libp2p has it inside. */
interface Inside extends Connection {
  readonly muxer: StreamMuxer & {
    readonly maConn: { readonly stream: { readonly socket: Socket } };
    sendFrame(header: Frame, data?: unknown): unknown;
  };
}

async function startHost(t: TestContext, listen: readonly string[]): Promise<Libp2p> {
  const host = await createHost({ privateKey: null, listen, maxConnections: 16, allow: [] });
  await host.start();
  t.after(() => host.stop());
  return host;
}

/** Two hosts that are connected and have told each other who they are. @returns their ends of the connection */
async function connected(t: TestContext, onStream: (stream: Stream) => void): Promise<{ near: Inside; far: Inside }> {
  const [nearHost, farHost] = [await startHost(t, []), await startHost(t, [LOOPBACK])];
  await farHost.handle(PROTOCOL, onStream);
  const near = (await nearHost.dial(farHost.getMultiaddrs())) as Inside;
  await until(() => farHost.getConnections().length === 1 && near.streams.length === 0);
  return { near, far: farHost.getConnections()[0] as Inside };
}

/** Frames without data that one end sends on the streams that the other end opened. */
function windowsOf({ muxer }: Inside): Frame[] {
  const frames: Frame[] = [];
  const sendFrame = muxer.sendFrame.bind(muxer);
  muxer.sendFrame = (header, data) => {
    if (header.type === WINDOW_UPDATE) frames.push(header);
    return sendFrame(header, data);
  };
  return frames;
}

/** As the negotiation of protocols has it (https://github.com/multiformats/multistream-select). */
function line(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length + 1), Buffer.from(`${text}\n`)]);
}

suite('streams between hosts', () => {
  test('renew their window when half of it is used, not for every frame', async (t) => {
    let came = 0;
    const { near, far } = await connected(t, (stream) => {
      stream.addEventListener('message', ({ data }) => {
        came += data.byteLength;
      });
    });
    const windows = windowsOf(far);
    const stream = await near.newStream(PROTOCOL);
    const own = (): Frame[] =>
      windows.filter(({ streamID }) => streamID === (stream as unknown as { readonly streamId: number }).streamId);
    for (let sent = 0; sent < 60; ) {
      stream.send(new Uint8Array(1_000));
      sent++;
      // Each a frame of its own.
      await until(() => came === 1_000 * sent);
    }
    // What accepts the stream is one.
    assert.ok(own().length <= 1, `${own().length} windows for 60 KB of 256`);
    const rest = new Uint8Array(64_000);
    for (let sent = 0; sent < 40; sent++) if (!stream.send(rest)) await stream.onDrain();
    await until(() => came === 60_000 + 40 * rest.length);
    // 2.6 MB through windows of 256 KB and more.
    assert.ok(own().length >= 2 && own().length <= 40, `${own().length} windows`);
  });

  test('that a peer has ended are open for whoever negotiates their protocol, and over once it is agreed', async (t) => {
    const { near, far } = await connected(t, () => {});
    const before = new Set(far.muxer.streams);
    const early = await near.muxer.createStream();
    early.send(line('/multistream/1.0.0'));
    await early.close();
    // Comes behind it.
    await near.newStream(PROTOCOL);
    const [stream] = far.muxer.streams.filter((one) => !before.has(one));
    assert.ok(stream !== undefined);
    assert.deepEqual([stream.status, stream.remoteWriteStatus], ['open', 'writable']);
    stream.protocol = PROTOCOL;
    assert.equal(stream.remoteWriteStatus, 'closed');
  });

  test('bring all of a message that comes with its negotiation and its end, however the network cuts it', async (t) => {
    const came: { text: string; protocol: string; isOver: boolean }[] = [];
    const { near, far } = await connected(t, (stream) => {
      const one = { text: '', protocol: stream.protocol, isOver: false };
      came.push(one);
      stream.addEventListener('message', ({ data }) => {
        one.text += Buffer.from(data.subarray()).toString();
      });
      stream.addEventListener('remoteCloseWrite', () => {
        one.isOver = true;
      });
      one.isOver ||= stream.remoteWriteStatus === 'closed';
    });
    const { socket } = near.muxer.maConn.stream;
    // As Go does it: all of it, and the end, at once and without an answer. `|` is where the network cuts.
    const cuts = ['header name text end', 'header name text | end', 'header | name text end', 'header name | text end'];
    for (const [n, cut] of cuts.entries()) {
      const parts = { header: line('/multistream/1.0.0'), name: line(PROTOCOL), text: Buffer.from(`message ${n}`) };
      const stream = await near.muxer.createStream();
      for (const piece of cut.split(' | ')) {
        socket.cork();
        for (const part of piece.split(' ')) {
          if (part === 'end') void stream.close();
          else stream.send(parts[part as keyof typeof parts]);
        }
        socket.uncork();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await until(() => came.filter(({ text, isOver }) => text !== '' && isOver).length === cuts.length);
    assert.deepEqual(
      came.toSorted((a, b) => (a.text < b.text ? -1 : 1)),
      cuts.map((_, n) => ({ text: `message ${n}`, protocol: PROTOCOL, isOver: true })),
    );
    assert.equal(far.status, 'open');
  });

  test('a library that has changed inside is told by name instead of losing messages', () => {
    requireInside({ sendFrame: () => {} }, ['sendFrame']);
    assert.throws(() => requireInside({ sendFrame: () => {}, onRemoteStream: 7 }, ['sendFrame', 'onRemoteStream']), {
      message: /^@chainsafe\/libp2p-yamux has no onRemoteStream any more/,
    });
  });
});
