import type { Settings } from '../config/settings.ts';
import { InferbaseError } from '../core/errors.ts';
import type { RemotePlace } from '../store/remote/remote-place.ts';
import { ownOrigins } from './own-origins.ts';

/** Where pins are kept: in the data folder, or elsewhere. */
export interface Places {
  readonly local: boolean;
  readonly remote: readonly RemotePlace[];
}

/** How long a pinning service may take until a command stops waiting for it, in seconds. */
export const DEFAULT_WAIT = 60;

const FORMS = 'local, kubo=URL or service=NAME';

/** Parser of `--wait`. */
export function parseWait(text: string): number {
  const seconds = Number(text);
  if (/^\d{1,6}$/.test(text)) return seconds;
  throw new InferbaseError('ERR_INVALID_SETTING', `--wait ${text} is no whole number of seconds; give one such as 60`);
}

/**
 * Opens the places that `--to` names; local where it names none.
 * @throws InferbaseError `ERR_INVALID_SETTING` for one that is not known
 */
export async function openPlaces(
  named: readonly string[] | undefined,
  settings: Settings,
  waitSeconds = DEFAULT_WAIT,
): Promise<Places> {
  const places = [...new Set(named ?? ['local'])];
  const remote: RemotePlace[] = [];
  for (const place of places) if (place !== 'local') remote.push(await openRemote(place, settings, waitSeconds));
  return { local: places.includes('local'), remote };
}

/** Opens every pinning service of the settings. */
export async function openServices(settings: Settings): Promise<RemotePlace[]> {
  return await Promise.all(
    Object.keys(settings.pinning).map((name) => openRemote(`service=${name}`, settings, DEFAULT_WAIT)),
  );
}

async function openRemote(place: string, settings: Settings, waitSeconds: number): Promise<RemotePlace> {
  const { pinning } = settings;
  const [, kind, value = ''] = /^(kubo|service)=(.+)$/.exec(place) ?? [];
  if (kind === 'kubo') {
    const url = URL.parse(value);
    if (url === null || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '') {
      // Not shown: it may have a password in it.
      throw invalid(
        '--to kubo=… has no http or https URL without query; give that of the RPC API, such as http://127.0.0.1:5001',
      );
    }
    const { createKubo } = await import('../store/remote/kubo.ts');
    return createKubo(url);
  }
  if (kind !== 'service') throw invalid(`--to ${place.split('=')[0]} is no place for pins; give ${FORMS}`);
  const service = Object.hasOwn(pinning, value) ? pinning[value] : undefined;
  if (service === undefined) {
    const known = Object.keys(pinning);
    const others = known.length > 0 ? `; known are ${known.join(', ')}` : '';
    throw invalid(`--to service=${value}: there is no pinning service of that name; set pinning.${value}.url${others}`);
  }
  const { createPinningService } = await import('../store/remote/pinning-service.ts');
  const origins = service.origins.length > 0 ? service.origins : await ownOrigins(settings, service.url);
  return createPinningService({ ...service, origins, name: value, waitMs: waitSeconds * 1000 });
}

function invalid(message: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_SETTING', message);
}
