import { setTimeout as sleep } from 'node:timers/promises';
import type { CID } from 'multiformats/cid';
import { InferbaseError } from '../../core/errors.ts';
import { sameCid } from './kubo.ts';
import { type Call, type CallAnswer, createRemoteCalls } from './remote-call.ts';
import type { PinStatus, RemotePin, RemotePlace } from './remote-place.ts';

export interface PinningServiceInit {
  /** As the settings name it. */
  readonly name: string;
  readonly url: string;
  readonly token: string | null;
  /** Multiaddrs it can fetch from. */
  readonly origins: readonly string[];
  /** How long to wait for it to have everything, in ms. */
  readonly waitMs: number;
}

const STATUSES: readonly PinStatus[] = ['queued', 'pinning', 'pinned', 'failed'];
/** First and longest pause between two questions, in ms. */
const POLL_MS = [250, 5_000] as const;
/** Questions that may fail in a row while a pin is waited for. */
const MAX_FAILED = 5;
const PAGE = 1000;
const MAX_PAGES = 20;

/** What the service says of one pin. */
interface PinObject {
  readonly requestid: string;
  readonly status: PinStatus;
  readonly cid: string;
  readonly name: string;
  readonly created: string | null;
  readonly why: string;
}

/**
 * A service that speaks the IPFS Pinning Service API 1.0.0 (https://ipfs.github.io/pinning-services-api-spec/). It takes a
 * CID, not blocks: it fetches them itself, from `origins` or wherever it finds them.
 */
export function createPinningService(init: PinningServiceInit): RemotePlace {
  const { token, origins, waitMs } = init;
  const base = init.url.replace(/\/+$/, '');
  const calls = createRemoteCalls({
    place: `Pinning service ${init.name}`,
    howToReach: `check pinning.${init.name}.url (${base}); the API's own path is part of it`,
    howToEnter: `set pinning.${init.name}.token to a token that may pin`,
  });

  async function ask(call: Omit<Call, 'url' | 'headers'> & { path: string }): Promise<CallAnswer> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== null) headers.authorization = `Bearer ${token}`;
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    return await calls.send({ ...call, url: new URL(`${base}${call.path}`), headers });
  }

  function check(answer: CallAnswer): unknown {
    if (answer.status < 200 || answer.status > 299) throw calls.refused(answer.status, reasonIn(answer));
    try {
      return JSON.parse(answer.body.toString('utf8'));
    } catch {
      throw calls.error('ERR_SOURCE_UNAVAILABLE', `answered what is not JSON; check pinning.${init.name}.url`);
    }
  }

  function readPin(value: unknown, cid?: CID): PinObject {
    const { requestid, status, created, pin, info } = (value ?? {}) as Record<string, unknown>;
    const about = (pin ?? {}) as Record<string, unknown>;
    const known = STATUSES.find((one) => one === status);
    if (typeof requestid !== 'string' || known === undefined || typeof about.cid !== 'string') {
      throw calls.error('ERR_SOURCE_UNAVAILABLE', 'answered what is no pin status of the Pinning Service API');
    }
    if (cid !== undefined && !sameCid(about.cid, cid)) {
      throw calls.error('ERR_INTEGRITY', `answered about ${JSON.stringify(about.cid)} instead of ${cid}`);
    }
    const details = ((info ?? {}) as Record<string, unknown>).status_details;
    return {
      ...{ requestid, status: known, cid: about.cid },
      name: typeof about.name === 'string' ? about.name : '',
      created: typeof created === 'string' ? created : null,
      why: typeof details === 'string' ? details : '',
    };
  }

  async function page(query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<PinObject[]> {
    const path = `/pins?${new URLSearchParams({ ...query, status: STATUSES.join(','), limit: String(PAGE) })}`;
    const value = check(await ask({ method: 'GET', path, signal })) as { results?: unknown };
    if (!Array.isArray(value?.results)) {
      throw calls.error('ERR_SOURCE_UNAVAILABLE', 'answered what is no list of pins');
    }
    return value.results.map((one) => readPin(one));
  }

  /** Asks until it is pinned or failed, or the time is up; a few failed questions in a row are forgiven. */
  async function wait(
    first: PinObject,
    cid: CID,
    signal: AbortSignal,
    tell: (text: string) => void,
  ): Promise<PinStatus> {
    let pin = first;
    let failed = 0;
    let pause: number = POLL_MS[0];
    for (const until = Date.now() + waitMs; Date.now() < until; pause = Math.min(POLL_MS[1], pause * 2)) {
      if (pin.status === 'failed') {
        throw calls.error(
          'ERR_SOURCE_UNAVAILABLE',
          `could not pin ${cid}${pin.why === '' ? '' : `: ${pin.why}`}; ${howToFeed()}`,
        );
      }
      if (pin.status === 'pinned') return pin.status;
      tell(`${init.name}: ${pin.status}`);
      await sleep(Math.min(pause, Math.max(0, until - Date.now())), undefined, { signal }).catch((cause: unknown) => {
        throw new InferbaseError('ERR_CANCELLED', `Given up while pinning service ${init.name} was at it.`, { cause });
      });
      try {
        pin = readPin(
          check(await ask({ method: 'GET', path: `/pins/${encodeURIComponent(pin.requestid)}`, signal })),
          cid,
        );
        failed = 0;
      } catch (error) {
        const passing = error instanceof InferbaseError && error.code === 'ERR_SOURCE_UNAVAILABLE';
        if (!passing || ++failed >= MAX_FAILED) throw error;
      }
    }
    return pin.status;
  }

  function howToFeed(): string {
    return origins.length > 0
      ? 'check that it can reach pinning origins'
      : `it has to find the blocks: set pinning.${init.name}.origins to an address that serve prints`;
  }

  return {
    name: `service=${init.name}`,
    blocks: null,
    async pin({ cid, name, signal, onProgress = () => {} }) {
      onProgress(`asking ${init.name} to pin ${cid}`);
      const body = JSON.stringify({ cid: cid.toString(), name, ...(origins.length > 0 && { origins }) });
      const answer = await ask({ method: 'POST', path: '/pins', body, signal });
      // Asked before: what is there counts.
      const [known] = answer.status === 409 || answer.status === 400 ? await page({ cid: cid.toString() }, signal) : [];
      const pin = known ?? readPin(check(answer), cid);
      return await wait(pin, cid, signal, onProgress);
    },
    async unpin(cid, signal) {
      const pins = (await page({ cid: cid.toString() }, signal)).filter((pin) => sameCid(pin.cid, cid));
      for (const { requestid } of pins) {
        const answer = await ask({ method: 'DELETE', path: `/pins/${encodeURIComponent(requestid)}`, signal });
        if (answer.status !== 404 && (answer.status < 200 || answer.status > 299)) {
          throw calls.refused(answer.status, reasonIn(answer));
        }
      }
      return pins.length > 0;
    },
    async list(signal) {
      const found = new Map<string, PinObject>();
      let before: string | undefined;
      for (let at = 0; at < MAX_PAGES; at++) {
        const some = await page(before === undefined ? {} : { before }, signal);
        for (const pin of some) found.set(pin.requestid, pin);
        before = some.at(-1)?.created ?? undefined;
        if (some.length < PAGE || before === undefined) break;
      }
      return Array.from(
        found.values(),
        ({ cid, name, status, created }): RemotePin => ({ cid, name, status, pinnedAt: created }),
      );
    },
    close: () => calls.close(),
  };
}

/** `{"error":{"reason":"UNAUTHORIZED","details":"…"}}`, or whatever else came. */
function reasonIn({ body }: CallAnswer): string {
  const text = body.toString('utf8');
  try {
    const { error } = JSON.parse(text);
    const parts = [error?.reason, error?.details].filter((part) => typeof part === 'string');
    return parts.length > 0 ? parts.join(', ') : text;
  } catch {
    return text;
  }
}
