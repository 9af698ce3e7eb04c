/** What the guests' thread may ask of the front thread, which alone starts processes; payloads cross as plain data. */
export interface ServiceOps {
  /** The extensions there are, as the JSON text guests read. */
  'cgi.list': { readonly payload: null; readonly answer: Uint8Array };
  /** Starts an extension; a number of the process within its execution, or why there is none. */
  'cgi.open': { readonly payload: CgiCommand; readonly answer: number | 'unknown' | 'failed' };
  /** Waits for output; no bytes: the stream has ended. `null`: no such process. */
  'cgi.read': {
    readonly payload: readonly [process: number, stream: CgiStream, capacity: number];
    readonly answer: Uint8Array | null;
  };
  /** Waits until the process took every byte; false: it never will. */
  'cgi.write': { readonly payload: readonly [process: number, bytes: Uint8Array]; readonly answer: boolean };
  'cgi.close': { readonly payload: number; readonly answer: boolean };
}

export type ServiceOp = keyof ServiceOps;
export type CgiStream = 'stdout' | 'stderr';

/** What a guest asks to run: never a path, only an alias that the operator's extensions may or may not have. */
export interface CgiCommand {
  readonly alias: string;
  readonly args: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
}

/** One question of a sandbox thread. A plain array, as all messages between threads. */
export type ServiceRequest = readonly [call: number, execution: number, op: ServiceOp, payload: unknown];

/** Its answer, or, when `failure` is not `null`, why there is none. */
export type ServiceReply = readonly [call: number, failure: string | null, answer: unknown];

/** The front thread's end: what executions open there is theirs and goes with them. */
export interface Services {
  /** May reject; what it opened belongs to the execution. */
  ask(execution: number, op: ServiceOp, payload: unknown): Promise<unknown>;
  /** The execution is over: everything it opened ends now. */
  release(execution: number): void;
}

/** A sandbox thread's questions under way. */
export class ServiceClient {
  readonly #send: (request: ServiceRequest) => void;
  readonly #waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  #last = 0;

  constructor(send: (request: ServiceRequest) => void) {
    this.#send = send;
  }

  /** Rejects with the service's own words when it failed. */
  ask<Op extends ServiceOp>(
    execution: number,
    op: Op,
    payload: ServiceOps[Op]['payload'],
  ): Promise<ServiceOps[Op]['answer']> {
    const call = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve: resolve as (answer: unknown) => void, reject });
      this.#send([call, execution, op, payload]);
    });
  }

  settle([call, failure, answer]: ServiceReply): void {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (failure === null) waiting?.resolve(answer);
    else waiting?.reject(new Error(failure));
  }
}
