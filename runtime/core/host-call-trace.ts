/** One host call of an execution that was traced. */
export interface HostCallTrace {
  /** `blockless_http.http_req` */
  readonly call: string;
  /** What it was about, such as a URL; empty where there is nothing to tell. Chosen by the guest, at most 200 characters. */
  readonly detail: string;
  /** When it began, in ms since the execution did. */
  readonly atMs: number;
  /** How long it took, waiting included, in ms. */
  readonly ms: number;
  /** The errno or value it returned, 0 of a call that has none; `null`: it ended the guest, or the guest was ended in it. */
  readonly result: number | null;
  /** Bytes of the guest's memory it read and wrote. */
  readonly bytes: number;
}

/** Most host calls of an execution that are traced; those after them run untraced. */
export const MAX_TRACED_CALLS = 10_000;
