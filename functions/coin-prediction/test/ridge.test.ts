import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitRidge } from '../model-server/ridge.ts';

const rows = Array.from({ length: 40 }, (_, i) => [Math.sin(i) * 100, Math.cos(3 * i) / 50]);
const truth = (row: readonly number[]) => 0.5 + 2 * (row[0] ?? 0) - 3 * (row[1] ?? 0);

function near(actual: number | undefined, expected: number, tolerance = 1e-9): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= tolerance, `${actual} is not near ${expected}`);
}

test('recovers the coefficients of a linear relation whatever the scale of its features', () => {
  const model = fitRidge(rows, rows.map(truth), 0);
  near(model.intercept, 0.5);
  near(model.coefficients[0], 2);
  near(model.coefficients[1], -3);
  near(model.predict([10, 1]), 17.5);
});

test('a penalty as heavy as the data halves a coefficient and leaves the mean alone', () => {
  const single = Array.from({ length: 10 }, (_, i) => [i]);
  const model = fitRidge(
    single,
    single.map(([x = 0]) => 4 * x + 1),
    single.length,
  );
  near(model.coefficients[0], 2);
  near(model.predict([4.5]), 19);
});

test('features that are copies of each other share the weight', () => {
  const twice = rows.map(([x = 0]) => [x, x]);
  const model = fitRidge(
    twice,
    twice.map(([x = 0]) => 6 * x),
    1e-6,
  );
  near(model.coefficients[0], 3, 1e-3);
  near(model.coefficients[1], 3, 1e-3);
  assert.throws(() => fitRidge(twice, twice.map(truth), 0), /depend on each other/);
});

test('a feature that never changes gets no weight', () => {
  const model = fitRidge(
    rows.map(([x = 0]) => [7, x]),
    rows.map(([x = 0]) => 5 * x + 1),
    0,
  );
  assert.equal(model.coefficients[0], 0);
  near(model.coefficients[1], 5);
  near(model.intercept, 1);
});

test('refuses to fit nothing', () => {
  assert.throws(() => fitRidge([], [], 1), RangeError);
  assert.throws(() => fitRidge([[]], [1], 1), RangeError);
});
