import { Socket } from 'node:net';
import type { MultiaddrConnection, Transport } from '@libp2p/interface';
import type { TCPComponents, TCPOptions } from '@libp2p/tcp';
import { taking } from './handed-connections.ts';

/** What the libraries give a connection to send with, as far as it is used here. */
interface Sending extends MultiaddrConnection {
  readonly socket?: unknown;
  sendData?(data: unknown): unknown;
}

/**
 * TCP that writes at once what it is given at once. Noise hands on each message in two pieces or more: written one by one,
 * these calls of the system are most of what a small message costs.
 */
export async function corkedTcp(options: TCPOptions): Promise<(components: TCPComponents) => Transport> {
  const { tcp } = await import('@libp2p/tcp');
  const create = tcp(options);
  return (components) => {
    const transport = create(components);
    const dial = transport.dial.bind(transport);
    const createListener = transport.createListener.bind(transport);
    transport.dial = (address, init) => dial(address, { ...init, upgrader: taking(init.upgrader, cork) });
    transport.createListener = (init) => createListener({ ...init, upgrader: taking(init.upgrader, cork) });
    return transport;
  };
}

/** Without effect on a connection that is not as this version of the library makes them. */
function cork(connection: Sending): void {
  const { socket, sendData } = connection;
  if (!(socket instanceof Socket) || sendData === undefined) return;
  connection.sendData = (data) => {
    socket.cork();
    try {
      return sendData.call(connection, data);
    } finally {
      socket.uncork();
    }
  };
}
