import type { Permissions } from '../../core/permissions.ts';
import { isPublicAddress } from './addresses.ts';
import { type Clock, createClock, type Stop, untilStopped } from './clock.ts';
import { CONNECT_TIMEOUT_MS, createConnections } from './connections.ts';
import { OutboundError } from './errors.ts';
import { type Answer, exchange, NotConnected } from './exchange.ts';
import { checkHeaders, type HeaderList, withHostSide } from './headers.ts';
import { checkMethod, type Hop, nextHop, redirectOf } from './hops.ts';
import { createResolver } from './resolver.ts';
import {
  type NamedUpstream,
  readUpstreams,
  resolveRedirect,
  resolveTarget,
  type Target,
  type Upstream,
} from './targets.ts';

export interface OutboundRequest {
  readonly url: string;
  /** Any token but `CONNECT` and `TRACE`; sent as given. */
  readonly method: string;
  readonly headers: HeaderList;
  readonly body: Uint8Array | null;
  /** Bound until a connection is there, in ms. */
  readonly connectTimeoutMs?: number;
  /** Bound of all of it, redirects and body included, in ms. */
  readonly totalTimeoutMs?: number;
  /** A longer response body fails at this many bytes. */
  readonly maxBodyBytes: number;
  readonly permissions: Permissions;
  /** Of the execution, which is known by it: sockets are shared out evenly among those who want them. */
  readonly signal: AbortSignal;
}

export interface OutboundResponse {
  readonly status: number;
  /** Where it came from after redirects, without the query; an upstream is called by its name. */
  readonly url: string;
  /** Names lower-case; one character a byte. */
  readonly headers: HeaderList;
  /** The first value of a header, by name in any case. */
  header(name: string): string | undefined;
  /**
   * Fills `target` unless the body ends first; 0 is the end.
   * @throws OutboundError after the bytes that did arrive: `transport`, `timeout`, `too-large`, `cancelled`
   */
  read(target: Uint8Array): Promise<number>;
  /** The same at once; `null` when it would have to wait. */
  readNow(target: Uint8Array): number | null;
  /** Frees the response; safe to call at any time, more than once. */
  cancel(): void;
}

export interface Outbound {
  /** @throws OutboundError when there is no response to speak of; any status is a response */
  request(options: OutboundRequest): Promise<OutboundResponse>;
  /** Ends all connections; requests under way fail. */
  close(): Promise<void>;
}

const MAX_REDIRECTS = 10;
/** URLs of upstreams that are not read again, and the longest of them in characters. */
const MAX_KEPT_TARGETS = 256;
const MAX_KEPT_URL = 512;
/** Waits before an upstream that accepts no connection is tried again, in ms. */
const RETRY_AFTER_MS = [50, 200];
/** While a host has further addresses, one that does not answer is not waited for longer than this, in ms. */
const NEXT_ADDRESS_AFTER_MS = 3_000;

/**
 * The only way from a sandbox thread to the network: plain HTTP/1.1 behind two gates, the URL and the resolved address,
 * which every redirect passes again.
 * @param init.upstreams servers with a name, reached without a permission
 * @param init.sockets most to one place
 * @param init.unreadBytes most of all responses that were received and not read
 * @param init.log one line for the operator
 */
export function createOutbound(init: {
  upstreams: Readonly<Record<string, Upstream>>;
  sockets?: number;
  unreadBytes?: number;
  log: (line: string) => void;
}): Outbound {
  const upstreams = readUpstreams(init.upstreams);
  const resolver = createResolver();
  const connections = createConnections(init.sockets, init.unreadBytes);
  const unreachable = new Set<NamedUpstream>();
  const targets = new Map<string, Target>();

  /** The second gate: addresses of the target's host that may be connected to, in the order to try them. */
  async function addressesOf(target: Target, stop: Stop): Promise<readonly string[]> {
    const { hostname } = target.url;
    let addresses: readonly string[];
    try {
      const found = resolver.resolve(hostname);
      addresses = found instanceof Promise ? await untilStopped(found, stop) : found;
    } catch (error) {
      if (error instanceof OutboundError) throw error;
      throw new NotConnected('transport', `The host of ${target.shown} cannot be found by name.`, { cause: error });
    }
    const checked = target.allowsPrivate ? addresses : addresses.filter(isPublicAddress);
    if (checked.length === 0) {
      const hint = `${target.url.origin}/`;
      const message = `${target.shown} leads to ${addresses.join(', ')}, which is not a public address: only the operator can allow it, by adding ${hint} to policy.allow.`;
      throw new OutboundError('denied', message, { hint });
    }
    return checked;
  }

  /** Sends one hop to the first of the host's addresses that accepts a connection. */
  async function sendOnce(hop: Hop, options: OutboundRequest, clock: Clock): Promise<Answer> {
    const { target } = hop;
    const addresses = await addressesOf(target, clock.stop);
    const connectTimeoutMs = Math.min(options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, CONNECT_TIMEOUT_MS);
    for (const [index, address] of addresses.entries()) {
      const last = index === addresses.length - 1;
      try {
        const { origin, pathname, search } = target.url;
        const place = connections.to({ origin, address, decision: target.decision });
        const answer = await exchange(place instanceof Promise ? await place : place, {
          method: hop.method,
          path: pathname + search,
          headers: target.upstream === null ? hop.headers : withHostSide(hop.headers, target.upstream.headers),
          body: hop.body,
          maxBodyBytes: options.maxBodyBytes,
          connectTimeoutMs: last ? connectTimeoutMs : Math.min(connectTimeoutMs, NEXT_ADDRESS_AFTER_MS),
          stop: clock.stop,
          owner: options.signal,
          shown: target.shown,
        });
        if (index > 0) resolver.prefer(target.url.hostname, address);
        return answer;
      } catch (error) {
        if (!(error instanceof NotConnected) || last) throw error;
      }
    }
    throw new NotConnected('transport', `The host of ${target.shown} has no address.`);
  }

  /** Sends one hop; a named upstream that accepts no connection, perhaps since it restarts, is tried again shortly. */
  async function send(hop: Hop, options: OutboundRequest, clock: Clock): Promise<Answer> {
    const { upstream } = hop.target;
    if (upstream !== null) clock.narrow(upstream.timeoutMs, hop.target.shown);
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await sendOnce(hop, options, clock);
        if (upstream !== null && unreachable.delete(upstream)) init.log(`The upstream ${upstream.name} answers again.`);
        return answer;
      } catch (error) {
        if (!(error instanceof NotConnected)) throw error;
        resolver.forget(hop.target.url.hostname);
        if (upstream === null) throw error;
        const wait = RETRY_AFTER_MS[attempt];
        if (wait === undefined || error.kind === 'timeout') {
          noteUnreachable(upstream, error);
          throw error;
        }
        await untilStopped(new Promise<void>((resolve) => setTimeout(resolve, wait)), clock.stop);
      }
    }
  }

  /** Tells the operator once, not with every request that meets it. */
  function noteUnreachable(upstream: NamedUpstream, error: OutboundError): void {
    if (unreachable.has(upstream)) return;
    unreachable.add(upstream);
    error.told = true;
    init.log(`${error.message} Start the server at ${upstream.origin}, or correct upstreams.${upstream.name}.url.`);
  }

  /** The first gate. Where a named upstream is asked for, the same text always leads to the same place. */
  function targetOf({ url, permissions }: OutboundRequest): Target {
    const known = targets.get(url);
    if (known !== undefined) return known;
    const target = resolveTarget(url, permissions, upstreams);
    if (target.upstream !== null && url.length <= MAX_KEPT_URL) {
      if (targets.size >= MAX_KEPT_TARGETS) targets.clear();
      targets.set(url, target);
    }
    return target;
  }

  return {
    async request(options) {
      const method = checkMethod(options.method);
      const target = targetOf(options);
      let hop: Hop = { target, method, headers: checkHeaders(options.headers), body: options.body };
      const clock = createClock(options.signal);
      if (options.totalTimeoutMs !== undefined) clock.narrow(options.totalTimeoutMs, target.shown);
      try {
        for (let redirects = 0; ; redirects++) {
          const answer = await send(hop, options, clock);
          const location = redirectOf(answer, hop.target);
          if (location === null) return toResponse(answer, hop.target, clock);
          answer.cancel();
          if (redirects === MAX_REDIRECTS) {
            throw new OutboundError('redirects', `${target.shown} redirected more than ${MAX_REDIRECTS} times.`);
          }
          hop = nextHop(hop, answer.status, resolveRedirect(hop.target, location, options.permissions));
        }
      } catch (error) {
        clock.close();
        throw error;
      }
    },
    close: () => connections.close(),
  };
}

function toResponse(answer: Answer, target: Target, clock: Clock): OutboundResponse {
  answer.whenOver(() => clock.close());
  const values = (name: string): readonly string[] => {
    const value = Object.hasOwn(answer.headers, name) ? answer.headers[name] : undefined;
    return value === undefined ? [] : typeof value === 'string' ? [value] : value;
  };
  return {
    status: answer.status,
    url: target.shown,
    get headers() {
      return Object.keys(answer.headers).flatMap((name) => values(name).map((value) => [name, value] as const));
    },
    header: (name) => values(name.toLowerCase())[0],
    read: (bytes) => answer.body.read(bytes),
    readNow: (bytes) => answer.body.readNow(bytes),
    cancel: () => answer.cancel(),
  };
}
