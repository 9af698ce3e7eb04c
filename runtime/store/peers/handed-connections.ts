import type { MultiaddrConnection, Upgrader } from '@libp2p/interface';

/** An upgrader that gets hold of each connection before it is handed on. */
export function taking(upgrader: Upgrader, take: (connection: MultiaddrConnection) => void): Upgrader {
  const upgradeInbound: Upgrader['upgradeInbound'] = (connection, init) => {
    take(connection);
    return upgrader.upgradeInbound(connection, init);
  };
  const upgradeOutbound: Upgrader['upgradeOutbound'] = (connection, init) => {
    take(connection);
    return upgrader.upgradeOutbound(connection, init);
  };
  return Object.create(upgrader, {
    upgradeInbound: { value: upgradeInbound },
    upgradeOutbound: { value: upgradeOutbound },
  });
}
