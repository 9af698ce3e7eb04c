import type { Libp2p } from '@libp2p/interface';
import { collectGarbage } from '../core/collect-garbage.ts';

/** Connections after which it is worth it. */
const BURST = 64;
/** How long none may have come, in ms. */
const QUIET_MS = 10_000;

/**
 * Has this thread's garbage collected once many peers have connected and no more come: handshakes leave behind more than
 * connections keep, and a head whose workers are idle does not allocate enough for V8 to look by itself. It takes less than
 * a tenth of a second.
 * @returns stops watching
 */
export function collectAfterBursts(host: Pick<Libp2p, 'addEventListener' | 'removeEventListener'>): () => void {
  let come = 0;
  const quiet = setTimeout(() => {
    if (come >= BURST) collectGarbage();
    come = 0;
  }, QUIET_MS).unref();
  const onConnect = (): void => {
    come++;
    quiet.refresh();
  };
  host.addEventListener('peer:connect', onConnect);
  return () => {
    clearTimeout(quiet);
    host.removeEventListener('peer:connect', onConnect);
  };
}
