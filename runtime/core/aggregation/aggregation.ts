import type { BlocklessConfig } from '../blockless-request.ts';
import { InferbaseError } from '../errors.ts';
import type { NumericAggregate, PeerResult } from '../node.ts';
import {
  addDecimals,
  compareDecimals,
  type Decimal,
  divideDecimals,
  formatDecimal,
  multiplyDecimals,
  parseDecimal,
} from './decimal.ts';
import { resultNumber } from './result-number.ts';

const TYPES = ['mean', 'median', 'weighted', 'trimmed'] as const;
type AggregationType = (typeof TYPES)[number];

/** What a request's `config.result_aggregation` asks for, checked. */
export interface Aggregation {
  readonly type: AggregationType;
  /** Field of the JSON that functions print; `null`: the usual ones. */
  readonly field: string | null;
  /** base58 peer id → weight, 0 and up; peers that are not named weigh 1. */
  readonly weights: ReadonlyMap<string, Decimal>;
  /** Share of the numbers that is dropped at either end, from 0 to below 0.5. */
  readonly trim: Decimal;
}

const ZERO: Decimal = { coefficient: 0n, scale: 0 };
const ONE: Decimal = { coefficient: 1n, scale: 0 };
const HALF: Decimal = { coefficient: 5n, scale: 1 };
const TENTH: Decimal = { coefficient: 1n, scale: 1 };
const WEIGHT = 'weight.';

/**
 * Reads what a request asks for.
 * @param asked `config.result_aggregation`: `{enable, type, parameters: [{name, value}]}` with the parameters `field`,
 *   `trim` and `weight.PEER`
 * @returns `null` where it asks for none
 * @throws InferbaseError `ERR_INVALID_REQUEST` for a type or a parameter that means nothing here
 */
export function parseAggregation(asked: BlocklessConfig['result_aggregation']): Aggregation | null {
  if (asked?.enable !== true) return null;
  const { type = '', parameters = [] } = asked;
  if (!isType(type)) {
    throw invalid(`type is ${JSON.stringify(type.slice(0, 64))}; give one of ${TYPES.join(', ')}, or enable: false`);
  }
  let field: string | null = null;
  let trim = TENTH;
  const weights = new Map<string, Decimal>();
  for (const { name = '', value = '' } of parameters) {
    if (name === 'field') field = value === '' ? null : value;
    else if (name === 'trim') trim = parseTrim(value);
    else if (name.startsWith(WEIGHT)) weights.set(name.slice(WEIGHT.length), parseWeight(name, value));
    else throw invalid(`parameter ${shown(name)} is not known; known are field, trim and ${WEIGHT}PEER`);
  }
  return { type, field, weights, trim };
}

function isType(type: string): type is AggregationType {
  return (TYPES as readonly string[]).includes(type);
}

function parseTrim(value: string): Decimal {
  const trim = parseDecimal(value);
  if (trim !== null && compareDecimals(trim, ZERO) >= 0 && compareDecimals(trim, HALF) < 0) return trim;
  throw invalid(`parameter trim is ${shown(value)}; give a number from 0 to below 0.5`);
}

function parseWeight(name: string, value: string): Decimal {
  const weight = parseDecimal(value);
  if (weight !== null && compareDecimals(weight, ZERO) >= 0) return weight;
  throw invalid(`parameter ${shown(name)} is ${shown(value)}; give a decimal number of 0 or more`);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}

function invalid(what: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', `config.result_aggregation: ${what}`);
}

/** One number from the results of all peers; exact decimals throughout (see `divideDecimals` for quotients). */
export function aggregate(
  { type, field, weights, trim }: Aggregation,
  results: readonly PeerResult[],
): NumericAggregate {
  const numbers: { readonly value: Decimal; readonly weight: Decimal }[] = [];
  const excluded: { peerId: string; reason: string }[] = [];
  for (const { peerId, outcome } of results) {
    const value = resultNumber(outcome, field);
    if (typeof value === 'string') excluded.push({ peerId, reason: value });
    else numbers.push({ value, weight: weights.get(peerId) ?? ONE });
  }
  const values = numbers.map(({ value }) => value).sort(compareDecimals);
  const value = type === 'weighted' ? weightedMean(numbers) : compute(type, values, trim);
  return { type, value: value === null ? null : formatDecimal(value), count: values.length, excluded };
}

function compute(
  type: Exclude<AggregationType, 'weighted'>,
  sorted: readonly Decimal[],
  trim: Decimal,
): Decimal | null {
  if (type === 'mean') return mean(sorted);
  if (type === 'median') {
    const middle = Math.floor((sorted.length - 1) / 2);
    return mean(sorted.slice(middle, sorted.length - middle));
  }
  const dropped = Number((trim.coefficient * BigInt(sorted.length)) / 10n ** BigInt(trim.scale));
  return mean(sorted.slice(dropped, sorted.length - dropped));
}

function mean(values: readonly Decimal[]): Decimal | null {
  if (values.length === 0) return null;
  return divideDecimals(values.reduce(addDecimals, ZERO), { coefficient: BigInt(values.length), scale: 0 });
}

/** `null` where all weights are zero. */
function weightedMean(numbers: readonly { readonly value: Decimal; readonly weight: Decimal }[]): Decimal | null {
  const total = numbers.map(({ weight }) => weight).reduce(addDecimals, ZERO);
  if (total.coefficient === 0n) return null;
  return divideDecimals(
    numbers.map(({ value, weight }) => multiplyDecimals(value, weight)).reduce(addDecimals, ZERO),
    total,
  );
}
