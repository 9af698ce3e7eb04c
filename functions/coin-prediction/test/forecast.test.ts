import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { forecast } from '../model-server/forecast.ts';
import { makePrices } from '../model-server/make-prices.ts';
import { parsePrices, SeriesError } from '../model-server/series.ts';

const committed = await readFile(new URL('../model-server/prices.csv', import.meta.url), 'utf8');

test('the committed prices are what the seeded script makes, labelled synthetic', () => {
  assert.equal(makePrices(20_240_701), committed);
  assert.notEqual(makePrices(1), committed);
  const { note, dates, series } = parsePrices(committed, 'prices.csv');
  assert.match(note, /^Synthetic/);
  assert.equal(dates.length, 730);
  assert.deepEqual(
    series.map(({ token }) => token),
    ['BTC', 'ETH', 'SOL'],
  );
});

test('on the committed prices the model misses by less than the last value does', () => {
  for (const series of parsePrices(committed, 'prices.csv').series) {
    const { token, value, holdout } = forecast(series);
    const last = series.closes.at(-1) ?? 0;
    assert.ok(Math.abs(value / last - 1) < 0.2, `${token}: ${value} after ${last}`);
    assert.equal(holdout.days, 146);
    assert.ok(holdout.ridge.rmse < holdout.lastValue.rmse, `${token}: ${JSON.stringify(holdout)}`);
  }
});

test('the hold-out error of the last value is that of the days held out, by hand', () => {
  const closes = Array.from({ length: 100 }, (_, day) => (day < 80 ? 100 : 100 + (day % 2) * 3));
  const { holdout } = forecast({ token: 'AAA', closes });
  assert.equal(holdout.days, 20);
  // 100 to 100 on the first held day, then 3 up or 3 down on each of 19.
  assert.equal(holdout.lastValue.mae, (3 * 19) / 20);
  assert.equal(holdout.lastValue.rmse, Math.sqrt((9 * 19) / 20));
});

test('what happens in the days held out does not reach the model they are judged by', () => {
  const calm = Array.from({ length: 200 }, (_, day) => 100 * 1.01 ** day);
  const wild = calm.map((close, day) => (day === 199 ? close * 2 : close));
  // A steady one per cent a day is learnt exactly, so the only miss is the last day's.
  const { holdout } = forecast({ token: 'AAA', closes: wild });
  const miss = (wild[199] ?? 0) - (calm[199] ?? 0);
  assert.ok(Math.abs(holdout.ridge.mae - miss / 40) < 1e-6 * miss, `${holdout.ridge.mae}`);
});

test('a price that never moves stays where it is', () => {
  const { value, holdout } = forecast({ token: 'AAA', closes: new Array<number>(60).fill(42) });
  assert.equal(value, 42);
  assert.deepEqual(holdout.ridge, { rmse: 0, mae: 0 });
});

test('too few days are refused, naming the token and the number needed', () => {
  assert.throws(
    () => forecast({ token: 'AAA', closes: [1, 2, 3] }),
    /^Error: AAA has 3 daily closes; the model needs at least 60/,
  );
});

test('prices that lead to a prediction past all range are refused', () => {
  // Calm days, then a fall by the factor e^80 that the model thinks will be answered.
  let log = 0;
  const closes = Array.from({ length: 102 }, (_, day) => {
    log += [0.1, 0.2, 0.4, 0.8, 1.6, -3.1][day % 6] ?? 0;
    return Math.exp(log);
  });
  closes.push(Math.exp(34), Math.exp(34 - 80));
  assert.throws(
    () => forecast({ token: 'AAA', closes }),
    (error) => error instanceof SeriesError && /^The prices of AAA lead to/.test(error.message),
  );
});
