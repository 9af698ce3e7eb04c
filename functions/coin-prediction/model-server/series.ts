/** A price table that cannot be used; the message names the place and what to do. */
export class SeriesError extends Error {}

/** Daily closes of one token, oldest first. */
export interface Series {
  /** As the header spells it. */
  readonly token: string;
  readonly closes: readonly number[];
}

export interface PriceTable {
  /** First comment line of the file, or empty. */
  readonly note: string;
  /** `YYYY-MM-DD`, strictly rising. */
  readonly dates: readonly string[];
  readonly series: readonly Series[];
}

/** Prices outside have more digits than a number holds; a file that has them is more likely broken than right. */
const LOWEST = 1e-12;
const HIGHEST = 1e15;
const MAX_TOKENS = 1_000;
const MAX_DAYS = 100_000;

/**
 * Reads a price table: lines starting with `#` and blank ones are skipped, the header is `date,TOKEN,TOKEN…`, then one
 * line a day, oldest first, with a close for every token. Fields are plain, never quoted.
 * @param text the CSV
 * @param name what to call it in errors, such as its path
 * @throws SeriesError naming the line
 */
export function parsePrices(text: string, name: string): PriceTable {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const dates: string[] = [];
  const closes: number[][] = [];
  let note = '';
  let tokens: readonly string[] | null = null;
  for (const [index, line] of lines.entries()) {
    const place = `${name}, line ${index + 1}`;
    if (line.startsWith('#')) {
      note ||= line.slice(1).trim();
    } else if (line.trim() === '') {
      // Blank lines carry nothing.
    } else if (tokens === null) {
      tokens = parseHeader(line, place);
      for (const _ of tokens) closes.push([]);
    } else {
      const [date = '', ...fields] = line.split(',').map((field) => field.trim());
      if (fields.length !== tokens.length) {
        throw new SeriesError(
          `${place}: ${fields.length} prices for ${tokens.length} tokens; every day needs one each.`,
        );
      }
      const last = dates.at(-1);
      checkDate(date, last, place);
      if (dates.length === MAX_DAYS)
        throw new SeriesError(`${place}: more than ${MAX_DAYS} days; leave out the oldest.`);
      dates.push(date);
      for (const [column, field] of fields.entries())
        closes[column]?.push(parsePrice(field, tokens[column] ?? '', place));
    }
  }
  if (tokens === null) throw new SeriesError(`${name} is empty; it needs a header "date,TOKEN…" and one line a day.`);
  return { note, dates, series: tokens.map((token, column) => ({ token, closes: closes[column] ?? [] })) };
}

function parseHeader(line: string, place: string): readonly string[] {
  const [first = '', ...tokens] = line.split(',').map((field) => field.trim());
  if (first.toLowerCase() !== 'date' || tokens.length === 0) {
    throw new SeriesError(
      `${place}: the header is "${excerpt(line)}" but must be "date,TOKEN…", such as "date,BTC,ETH".`,
    );
  }
  if (tokens.length > MAX_TOKENS) throw new SeriesError(`${place}: more than ${MAX_TOKENS} tokens; leave some out.`);
  const seen = new Set<string>();
  for (const token of tokens) {
    if (!/^[\w.-]{1,32}$/.test(token)) {
      throw new SeriesError(
        `${place}: "${excerpt(token)}" is no token name; use up to 32 letters, digits, ".", "-" or "_".`,
      );
    }
    if (seen.has(token.toLowerCase()))
      throw new SeriesError(`${place}: the token ${token} is there twice; name each once.`);
    seen.add(token.toLowerCase());
  }
  return tokens;
}

function checkDate(date: string, last: string | undefined, place: string): void {
  const parsed = /^\d{4}-\d\d-\d\d$/.test(date) ? new Date(`${date}T00:00:00Z`) : null;
  // A day that does not exist, such as February 30th, is read as another one.
  if (parsed === null || Number.isNaN(parsed.getTime()) || parsed.toISOString().slice(0, 10) !== date) {
    throw new SeriesError(`${place}: "${excerpt(date)}" is no date; write it as YYYY-MM-DD.`);
  }
  if (last !== undefined && date <= last) {
    throw new SeriesError(`${place}: ${date} does not come after ${last}; sort the lines, oldest day first.`);
  }
}

function parsePrice(field: string, token: string, place: string): number {
  const price = /^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(field) ? Number(field) : Number.NaN;
  if (!(price >= LOWEST && price <= HIGHEST)) {
    throw new SeriesError(`${place}: "${excerpt(field)}" is no price of ${token}; give a positive decimal number.`);
  }
  return price;
}

function excerpt(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
