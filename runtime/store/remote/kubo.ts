import { randomBytes } from 'node:crypto';
import { CID } from 'multiformats/cid';
import { type BlockSource, MAX_BLOCK_BYTES, SourceMiss } from '../sources/block-source.ts';
import { type CallAnswer, createRemoteCalls } from './remote-call.ts';
import type { RemotePin, RemotePlace } from './remote-place.ts';

/** Sending a whole function, and pinning it, may take a while on a slow line. */
const IMPORT_MS = 300_000;

/**
 * A Kubo node by its RPC API (https://docs.ipfs.tech/reference/kubo/rpc/): `dag/import`, `pin/add`, `pin/ls`, `pin/rm`,
 * `block/get`. That API is admin access: it belongs on a private network.
 * @param base its URL, such as `http://127.0.0.1:5001`; user and password are sent as basic authorization
 */
export function createKubo(base: URL): RemotePlace {
  const { username, password } = base;
  const shown = `${base.protocol}//${base.host}${base.pathname.replace(/\/+$/, '')}`;
  const name = `kubo=${shown}`;
  const calls = createRemoteCalls({
    place: `Kubo at ${shown}`,
    howToReach: 'check the URL: it is that of the RPC API, usually port 5001, and the node has to run',
    howToEnter: 'give user and password in the URL, as API.Authorizations of its configuration names them',
  });
  const credentials = `${decoded(username)}:${decoded(password)}`;
  const headers = username === '' ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };

  function urlOf(command: string, query: Readonly<Record<string, string>>): URL {
    const url = new URL(`${shown}/api/v0/${command}`);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    return url;
  }

  /** Kubo's own words about a failure. */
  function messageOf({ body }: CallAnswer): string {
    try {
      const { Message } = JSON.parse(body.toString('utf8'));
      if (typeof Message === 'string') return Message;
    } catch {
      // A proxy in front of it answers in its own words.
    }
    return body.toString('utf8');
  }

  async function ask(
    command: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
    timeoutMs?: number,
  ) {
    const url = urlOf(command, query);
    const answer = await calls.send({ method: 'POST', url, headers, signal, ...(timeoutMs && { timeoutMs }) });
    if (answer.status !== 200) throw calls.refused(answer.status, messageOf(answer));
    return answer;
  }

  function parse(answer: CallAnswer): Record<string, unknown>[] {
    try {
      return answer.body
        .toString('utf8')
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => JSON.parse(line));
    } catch {
      throw calls.error(
        'ERR_SOURCE_UNAVAILABLE',
        'answered what is not JSON; check that it is the RPC API of a Kubo node',
      );
    }
  }

  /** Sends the blocks and has the root pinned, so that nothing is collected in between. */
  async function send(cid: CID, car: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const boundary = `inferbase-${randomBytes(16).toString('hex')}`;
    const answer = await calls.send({
      method: 'POST',
      url: urlOf('dag/import', { 'pin-roots': 'true', stats: 'true' }),
      headers: { ...headers, 'content-type': `multipart/form-data; boundary=${boundary}` },
      body: multipart(boundary, car),
      signal,
      timeoutMs: IMPORT_MS,
    });
    if (answer.status !== 200) throw calls.refused(answer.status, messageOf(answer));
    const failure = answer.trailers['x-stream-error'];
    if (failure !== undefined) throw calls.refused(500, failure);
    const roots = parse(answer).flatMap(({ Root }) => (isRecord(Root) ? [Root] : []));
    for (const { Cid, PinErrorMsg } of roots) {
      const text = isRecord(Cid) ? Cid['/'] : undefined;
      if (typeof text !== 'string' || !sameCid(text, cid)) {
        throw calls.error(
          'ERR_INTEGRITY',
          `imported ${JSON.stringify(text)} instead of ${cid}; nothing there can be trusted`,
        );
      }
      if (typeof PinErrorMsg === 'string' && PinErrorMsg !== '') throw calls.refused(500, PinErrorMsg);
    }
    if (roots.length === 0)
      throw calls.error('ERR_SOURCE_UNAVAILABLE', 'did not say that it imported the CAR; see its log');
  }

  const blocks: BlockSource = {
    name: shown,
    async fetchBlock(cid, { signal }) {
      const url = urlOf('block/get', { arg: cid.toString(), offline: 'true' });
      const answer = await calls.send({ method: 'POST', url, headers, signal, maxBytes: MAX_BLOCK_BYTES });
      if (answer.status === 200) return answer.body;
      const message = messageOf(answer);
      if (/not found|could not find/i.test(message)) throw new SourceMiss('ERR_FUNCTION_NOT_FOUND', 'does not have it');
      throw new SourceMiss('ERR_SOURCE_UNAVAILABLE', calls.refused(answer.status, message).message);
    },
  };

  return {
    name,
    blocks,
    async pin({ cid, name: label, car, signal, onProgress }) {
      onProgress?.(`sending ${cid} to ${shown}`);
      await send(cid, car(), signal);
      // Again, for the name; older nodes do not know the parameter and leave it out.
      const [answer] = parse(
        await ask('pin/add', { arg: cid.toString(), recursive: 'true', name: label }, signal, IMPORT_MS),
      );
      const pins = answer?.Pins;
      if (!Array.isArray(pins) || !pins.some((pin) => typeof pin === 'string' && sameCid(pin, cid))) {
        throw calls.error('ERR_INTEGRITY', `pinned ${JSON.stringify(pins)} instead of ${cid}`);
      }
      return 'pinned';
    },
    async unpin(cid, signal) {
      const url = urlOf('pin/rm', { arg: cid.toString(), recursive: 'true' });
      const answer = await calls.send({ method: 'POST', url, headers, signal });
      if (answer.status === 200) return true;
      const message = messageOf(answer);
      if (/not pinned/i.test(message)) return false;
      throw calls.refused(answer.status, message);
    },
    async list(signal) {
      const [answer] = parse(await ask('pin/ls', { type: 'recursive', names: 'true' }, signal));
      const keys = isRecord(answer?.Keys) ? answer.Keys : {};
      return Object.entries(keys).map(([cid, about]): RemotePin => {
        const label = isRecord(about) && typeof about.Name === 'string' ? about.Name : '';
        return { cid, name: label, status: 'pinned', pinnedAt: null };
      });
    },
    close: () => calls.close(),
  };
}

async function* multipart(boundary: string, car: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const disposition = 'Content-Disposition: form-data; name="path"; filename="function.car"';
  yield Buffer.from(`--${boundary}\r\n${disposition}\r\nContent-Type: application/octet-stream\r\n\r\n`);
  yield* car;
  yield Buffer.from(`\r\n--${boundary}--\r\n`);
}

/** Percent signs in a URL are meant as such where they encode nothing. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether text names that CID, in whatever version. */
export function sameCid(text: string, cid: CID): boolean {
  try {
    return CID.parse(text).toV1().equals(cid.toV1());
  } catch {
    return false;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
