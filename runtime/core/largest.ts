/** The first of those with the largest weight; one of −∞ counts as not there. */
export function largest<T>(items: Iterable<T>, weigh: (item: T) => number): T | undefined {
  let found: T | undefined;
  let most = Number.NEGATIVE_INFINITY;
  for (const item of items) {
    const weight = weigh(item);
    if (weight <= most) continue;
    most = weight;
    found = item;
  }
  return found;
}
