import { encodeString, type GoType } from '../go-json.ts';
import { type Field, sorted, text, type Write } from '../go-writer.ts';

/**
 * The three dialects of the b7s wire: `a` Allora's fork and b7s up to 0.4.9, `b` b7s 0.5 to 0.7, `c` its later main
 * branch. They share protocol, topics and most messages; `type` is the first field in `a` and the last in the others, `from`
 * is in `a` only, `carrier` (trace context) in `c` only.
 */
export type Dialect = 'a' | 'b' | 'c';

/**
 * The field with the trace context, left out where there is none; `Carrier` in b7s v0.7.0 alone, the last `b`, which writes
 * `null` then, and signs it with the messages between replicas.
 */
export type TraceField = 'carrier' | 'Carrier';

/** How one message is read and written. */
export interface MessageCodec<M> {
  readonly type: GoType<object>;
  /** Where a dialect does not have the message, as in another that has it. */
  readonly write: Readonly<Record<Dialect, Write<M>>>;
}

/** What every message may carry. */
export interface Envelope {
  /** base58 peer id that an `a` node says is its own; the connection knows better. */
  readonly from?: string;
  /** W3C trace context of `c`. */
  readonly carrier?: Readonly<Record<string, string>>;
}

export const FROM: Field<Envelope> = text('from');
export const CARRIER: Field<Envelope> = sorted('carrier', encodeString);
