/** What the process that tries cases is told, as one argument of JSON. */
export interface Order {
  readonly seed: number;
  readonly seconds: number;
  readonly targets: readonly string[];
  /** First case of each target; 0 when missing. */
  readonly from: Readonly<Record<string, number>>;
  /** Cases of each target; as many as there is time for when missing. */
  readonly cases: number | null;
  /** Names each case before it is tried. */
  readonly verbose: boolean;
}

/** What it says. */
export type Report =
  /** It tries cases of this target from here on. */
  | { readonly kind: 'at'; readonly target: string; readonly index: number; readonly rssBytes: number }
  /** Live bytes after a collection. */
  | { readonly kind: 'memory'; readonly liveBytes: number }
  | { readonly kind: 'find'; readonly target: string; readonly index: number; readonly error: string }
  /** It is at its end: the next case of each target, and whether another process should go on. */
  | { readonly kind: 'end'; readonly next: Readonly<Record<string, number>>; readonly again: boolean };
