import type { Libp2p } from '@libp2p/interface';

/** A peer may go before what it said of itself has been noted; so this long after the last one went, in ms. */
const PAUSE_MS = 1_000;

/**
 * Drops what libp2p remembers of peers that have gone. It keeps up to 80 KB of each identity for hours, and a stranger
 * can come under a new one as often as it likes.
 * @param keep peer ids that are dialled again
 * @returns stops it
 */
export function forgetStrangers({ host }: { readonly host: Libp2p }, keep: ReadonlySet<string>): () => void {
  let timer: NodeJS.Timeout | undefined;

  async function sweep(): Promise<void> {
    for (const { id } of await host.peerStore.all()) {
      if (id.equals(host.peerId) || keep.has(id.toString()) || host.getConnections(id).length > 0) continue;
      await host.peerStore.delete(id);
    }
  }

  const onGone = (): void => {
    // Not put off by those that keep coming and going.
    timer ??= setTimeout(() => {
      timer = undefined;
      // What is left is found the next time.
      sweep().catch(() => {});
    }, PAUSE_MS).unref();
  };
  host.addEventListener('peer:disconnect', onGone);
  return () => {
    host.removeEventListener('peer:disconnect', onGone);
    clearTimeout(timer);
  };
}
