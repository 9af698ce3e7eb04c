import { fitRidge, type Ridge } from './ridge.ts';
import { type Series, SeriesError } from './series.ts';

/** Daily log-returns before a day, from which that day's is predicted. */
const LAGS = 5;
/** In units of one observation: some 600 of them outweigh it wherever there is something to learn. */
const PENALTY = 20;
/** Share of the days, the latest ones, that the model is judged on without having seen them. */
const HOLDOUT_SHARE = 0.2;
const FEWEST_DAYS = 60;

/** Errors of next-day prices, in the unit of the prices: root of the mean square, and mean absolute. */
export interface PriceErrors {
  readonly rmse: number;
  readonly mae: number;
}

export interface HoldOut {
  readonly days: number;
  /** A model that was fitted on the days before. */
  readonly ridge: PriceErrors;
  /** The baseline that says: tomorrow as today. */
  readonly lastValue: PriceErrors;
}

export interface Forecast {
  readonly token: string;
  /** The close predicted for the day after the last one. */
  readonly value: number;
  readonly holdout: HoldOut;
}

/** Predictions outside are the mark of a broken series, and no longer plain decimals when printed. */
const LOWEST = 1e-20;
const HIGHEST = 1e20;

/**
 * Predicts a token's next close by a ridge regression on its last five log-returns, fitted on all days; the hold-out
 * error comes from a second fit, on the first four fifths of the days only.
 * @throws SeriesError when there are too few days, or prices so wild that the prediction is no price
 */
export function forecast({ token, closes }: Series): Forecast {
  if (closes.length < FEWEST_DAYS) {
    throw new SeriesError(`${token} has ${closes.length} daily closes; the model needs at least ${FEWEST_DAYS}.`);
  }
  const value = nextClose(fit(closes), closes);
  if (!(value >= LOWEST && value <= HIGHEST)) {
    throw new SeriesError(`The prices of ${token} lead to a next close of ${value}; look for broken values in them.`);
  }
  const firstHeld = closes.length - Math.floor(closes.length * HOLDOUT_SHARE);
  const seen = fit(closes.slice(0, firstHeld));
  return { token, value, holdout: judge(seen, closes, firstHeld) };
}

function fit(closes: readonly number[]): Ridge {
  const rows: number[][] = [];
  const targets: number[] = [];
  for (let day = LAGS + 1; day < closes.length; day++) {
    rows.push(features(closes, day));
    targets.push(logReturn(closes, day));
  }
  return fitRidge(rows, targets, PENALTY);
}

/** Log-returns of the days before `day`, latest first. */
function features(closes: readonly number[], day: number): number[] {
  return Array.from({ length: LAGS }, (_, lag) => logReturn(closes, day - 1 - lag));
}

function logReturn(closes: readonly number[], day: number): number {
  return Math.log(close(closes, day) / close(closes, day - 1));
}

function nextClose(model: Ridge, closes: readonly number[], day = closes.length): number {
  return close(closes, day - 1) * Math.exp(model.predict(features(closes, day)));
}

function close(closes: readonly number[], day: number): number {
  const value = closes[day];
  if (value === undefined) throw new RangeError(`There is no day ${day} in a series of ${closes.length}.`);
  return value;
}

function judge(model: Ridge, closes: readonly number[], firstHeld: number): HoldOut {
  const ridge: number[] = [];
  const lastValue: number[] = [];
  for (let day = firstHeld; day < closes.length; day++) {
    const truth = close(closes, day);
    ridge.push(nextClose(model, closes, day) - truth);
    lastValue.push(close(closes, day - 1) - truth);
  }
  return { days: ridge.length, ridge: errors(ridge), lastValue: errors(lastValue) };
}

function errors(misses: readonly number[]): PriceErrors {
  const squares = misses.reduce((sum, miss) => sum + miss * miss, 0);
  const sizes = misses.reduce((sum, miss) => sum + Math.abs(miss), 0);
  return { rmse: Math.sqrt(squares / misses.length), mae: sizes / misses.length };
}
