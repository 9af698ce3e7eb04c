/** Label sets of one counter: strangers choose what functions are called. Further ones are counted under `other`. */
const MAX_LABEL_SETS = 1_000;

export type Labels = Readonly<Record<string, string>>;

/** Numbers that only grow, in Prometheus' text format. */
export interface Counters {
  /** Adds one. */
  add(name: string, labels?: Labels): void;
  /** In the text format, version 0.0.4; each counter begins with its first event. */
  render(): string;
}

export function createCounters(): Counters {
  const counters = new Map<string, Map<string, number>>();
  return {
    add(name, labels = {}) {
      let values = counters.get(name);
      if (values === undefined) {
        values = new Map();
        counters.set(name, values);
      }
      let key = labelText(labels);
      if (values.size >= MAX_LABEL_SETS && !values.has(key)) {
        key = labelText(Object.fromEntries(Object.keys(labels).map((label) => [label, 'other'])));
      }
      values.set(key, (values.get(key) ?? 0) + 1);
    },
    render() {
      const lines: string[] = [];
      for (const [name, values] of counters) {
        lines.push(`# TYPE ${name} counter`);
        for (const [labels, value] of values) lines.push(`${name}${labels} ${value}`);
      }
      return lines.map((line) => `${line}\n`).join('');
    },
  };
}

/** `{function="bafy…"}`, cut where a stranger wrote more than a CID has. */
export function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([label, value]) => {
    const escaped = value.slice(0, 128).replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
    return `${label}="${escaped}"`;
  });
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}
