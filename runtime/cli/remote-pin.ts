import { parseCid } from '../core/cid.ts';
import { InferbaseError, toErrorData } from '../core/errors.ts';
import type { RemotePlace } from '../store/remote/remote-place.ts';
import { verifyElsewhere } from '../store/remote/verification.ts';
import { createGatewaySources } from '../store/sources/gateway-source.ts';
import type { FunctionStore } from '../store/store.ts';
import { withProgress } from './progress.ts';

/** How pinning at one place went, as `--json` shows it. */
export interface PlaceResult {
  readonly to: string;
  readonly status: string;
  /** Blocks that were read back and hashed; 0 where none could be. */
  readonly verifiedBlocks: number;
  readonly verifiedBy: readonly string[];
  readonly remark: string | null;
}

const SOURCE_TIMEOUT_MS = 10_000;

/**
 * Pins a CID at one place and reads it back from another source.
 * @throws InferbaseError of the place; `ERR_INTEGRITY` when it does not give back what it was given
 */
export async function pinRemotely(
  store: Pick<FunctionStore, 'exportCar'>,
  place: RemotePlace,
  what: { cid: string; name: string; gateways: readonly string[]; signal: AbortSignal; quiet: boolean },
): Promise<PlaceResult> {
  const { name, gateways, signal, quiet } = what;
  const { cid } = parseCid(what.cid);
  const sources = createGatewaySources({ gateways, sourceTimeoutMs: SOURCE_TIMEOUT_MS });
  try {
    return await withProgress(`pinning at ${place.name}`, { quiet }, async (progress) => {
      const car = (): AsyncIterable<Uint8Array> => store.exportCar(what.cid, { signal });
      const status = await place.pin({ cid, name, car, signal, onProgress: (text) => progress.label(text) });
      if (status !== 'pinned') {
        const remark = 'it has accepted the pin and does not have everything yet; ask again with inferbase pins';
        return { to: place.name, status, verifiedBlocks: 0, verifiedBy: [], remark };
      }
      progress.label(`reading it back from another source than ${place.name}`);
      const verified = await verifyElsewhere(
        cid,
        { gateways: sources, place: place.blocks },
        { sourceTimeoutMs: SOURCE_TIMEOUT_MS, signal, onBlock: (blocks) => progress.at(blocks) },
      );
      return {
        to: place.name,
        status,
        verifiedBlocks: verified?.blocks ?? 0,
        verifiedBy: verified?.sources ?? [],
        remark: verified === null ? 'no other source was there to verify it with; set gateways' : verified.remark,
      };
    });
  } finally {
    await Promise.allSettled(sources.map((source) => source.close?.()));
  }
}

/** The line that a person reads. */
export function describe({ to, status, verifiedBlocks, verifiedBy, remark }: PlaceResult): string {
  const blocks = `${verifiedBlocks} block${verifiedBlocks === 1 ? '' : 's'}`;
  const verified = verifiedBlocks > 0 ? `verified, ${blocks} read back from ${verifiedBy.join(', ')}` : 'not verified';
  return [`${to} ${status}`, ...(status === 'pinned' ? [verified] : []), ...(remark === null ? [] : [remark])].join(
    '; ',
  );
}

/** One error for several places that failed; what was done at the others stands. */
export function gathered(failures: readonly (readonly [place: string, error: unknown])[]): unknown {
  const [first, ...others] = failures;
  if (first === undefined || others.length === 0) return first?.[1];
  const lines = failures.map(([place, error]) => `${place}: ${toErrorData(error).message}`);
  const { code } = toErrorData(first[1]);
  return new InferbaseError(code, `${failures.length} places failed; see each of these`, { details: lines });
}
