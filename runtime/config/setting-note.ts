import * as z from 'zod/mini';

/** What is said of one setting beside its type; every leaf of `SETTINGS_SCHEMA` has one. */
export interface SettingNote {
  /** One line for `--help` and the documentation. */
  readonly doc: string;
  /** What a valid value is, as the end of the sentence "give …". */
  readonly expects: string;
  /** Default; for a named entry (`upstreams.NAME`) it may depend on the name. `undefined`: has to be given. */
  readonly fallback: unknown | ((name: string) => unknown);
  /** How the default reads in the documentation where it is computed. */
  readonly fallbackText?: string;
  /** Values never shown in an error or a log line. */
  readonly secret?: boolean;
  /** A better sentence for some wrong values. */
  readonly remedy?: (value: unknown) => string | undefined;
}

/** Notes of the schema's leaves, read by the loader, the flags and the documentation. */
export const SETTING_NOTES = z.registry<SettingNote>();

/** A whole number within bounds, with its note. */
export function whole(min: number, max: number, unit: string, fallback: unknown, doc: string, fallbackText?: string) {
  return z
    .int()
    .check(z.minimum(min), z.maximum(max))
    .register(SETTING_NOTES, {
      doc,
      expects: `a whole number of ${unit} from ${min} to ${max}`,
      fallback,
      ...(fallbackText === undefined ? {} : { fallbackText }),
    });
}
