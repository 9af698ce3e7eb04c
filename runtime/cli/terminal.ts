import process from 'node:process';

/** Who has the last line of the terminal, and how to clear it: other output goes above it. */
let lastLine: { clear(): void } | undefined;

/** Takes or, with `undefined`, gives back the terminal's last line; for progress bars. */
export function ownLastLine(owner: { clear(): void } | undefined): void {
  lastLine = owner;
}

/** Writes one line to stdout. */
export function print(line: string): void {
  lastLine?.clear();
  process.stdout.write(`${line}\n`);
}

/** Writes one line to stderr. */
export function printError(line: string): void {
  writeError(`${line}\n`);
}

/** Writes text with its line ends to stderr. */
export function writeError(text: string): void {
  lastLine?.clear();
  process.stderr.write(text);
}

/** Text with what could steer a terminal, break its line or turn it around written out, as in `\u{1b}`. */
export function printable(text: string): string {
  return text.replace(
    /(?!\t)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
}

/** @returns a number of things, such as `1 file` or `2 files`, for nouns that end like these */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Bytes as a person reads them. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1_048_576) return `${(bytes / 1024).toFixed(1)} KiB`;
  return bytes < 1_073_741_824 ? `${(bytes / 1_048_576).toFixed(1)} MiB` : `${(bytes / 1_073_741_824).toFixed(1)} GiB`;
}
