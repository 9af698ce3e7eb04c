/** A fitted linear model. Coefficients are in the features' own units. */
export interface Ridge {
  readonly intercept: number;
  readonly coefficients: readonly number[];
  /** @param features one row, as long as `coefficients` */
  predict(features: readonly number[]): number;
}

/**
 * Ridge regression in closed form: least squares plus `penalty` times the squared size of the coefficients, over
 * features brought to mean 0 and deviation 1 first, so that the penalty weighs all alike; the intercept is free of it.
 * A feature that never changes gets the coefficient 0.
 * @param rows features, one row an observation, all of one length
 * @param targets one value a row
 * @param penalty 0 or more; with 0 it is least squares
 * @throws RangeError without rows, or with penalty 0 and features that depend on each other
 */
export function fitRidge(rows: readonly (readonly number[])[], targets: readonly number[], penalty: number): Ridge {
  const count = rows.length;
  const width = rows[0]?.length ?? 0;
  if (count === 0 || width === 0) throw new RangeError('A regression needs at least one row with one feature.');
  const columns = Array.from({ length: width }, (_, j) => standardise(rows.map((row) => row[j] ?? Number.NaN)));
  const targetMean = mean(targets);
  const centred = targets.map((target) => target - targetMean);

  const gram = columns.map((a, i) =>
    columns.map((b, j) => dot(a.values, b.values) + (i === j ? penalty + (a.constant ? 1 : 0) : 0)),
  );
  const weights = solve(
    gram,
    columns.map((column) => dot(column.values, centred)),
  );
  const coefficients = weights.map((weight, j) => weight / (columns[j]?.deviation ?? 1));
  const intercept =
    targetMean -
    dot(
      coefficients,
      columns.map((column) => column.mean),
    );
  return { intercept, coefficients, predict: (features) => intercept + dot(coefficients, features) };
}

function standardise(values: readonly number[]) {
  const centre = mean(values);
  const spread = Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
  const constant = spread <= 1e-12 * Math.abs(centre);
  const deviation = constant ? 1 : spread;
  return {
    mean: centre,
    deviation,
    constant,
    values: values.map((value) => (constant ? 0 : (value - centre) / deviation)),
  };
}

/** Solves `matrix · x = right` for a symmetric positive definite matrix by its Cholesky factor. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const size = right.length;
  const at = (rows: readonly (readonly number[])[], i: number, j: number): number => rows[i]?.[j] ?? 0;
  const factor: number[][] = [];
  for (let i = 0; i < size; i++) {
    const row: number[] = [];
    factor.push(row);
    for (let j = 0; j <= i; j++) {
      let rest = at(matrix, i, j);
      for (let k = 0; k < j; k++) rest -= at(factor, i, k) * at(factor, j, k);
      if (i !== j) row.push(rest / at(factor, j, j));
      // Compared with the diagonal, since rounding leaves a little where exact arithmetic leaves nothing.
      else if (rest > 1e-12 * at(matrix, i, i)) row.push(Math.sqrt(rest));
      else throw new RangeError('The features depend on each other; use a penalty above 0.');
    }
  }
  const forward: number[] = [];
  for (let i = 0; i < size; i++) {
    let rest = right[i] ?? 0;
    for (let k = 0; k < i; k++) rest -= at(factor, i, k) * (forward[k] ?? 0);
    forward.push(rest / at(factor, i, i));
  }
  const solution = new Array<number>(size).fill(0);
  for (let i = size - 1; i >= 0; i--) {
    let rest = forward[i] ?? 0;
    for (let k = i + 1; k < size; k++) rest -= at(factor, k, i) * (solution[k] ?? 0);
    solution[i] = rest / at(factor, i, i);
  }
  return solution;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
