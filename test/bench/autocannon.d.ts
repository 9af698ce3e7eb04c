/** The little of autocannon 8 that the bench uses; the package ships no types. */
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  interface Options {
    readonly url: string;
    readonly method: 'GET' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    /** Requests in flight. */
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    /** Told of every body; those it refuses are counted as mismatches. */
    readonly verifyBody: (body: string) => boolean;
  }

  interface Result {
    readonly errors: number;
    readonly timeouts: number;
    readonly mismatches: number;
    readonly non2xx: number;
    /** Seconds that were really measured. */
    readonly duration: number;
    readonly requests: { readonly total: number };
  }

  /** A run; emits `response` with (client, status, bytes, response time in ms). */
  type Run = EventEmitter & PromiseLike<Result>;

  const autocannon: (options: Options) => Run;
  export default autocannon;
}
