import process from 'node:process';

const DONE = '✓';
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** Writes one line to stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes one line to stderr. */
export function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs one step, showing it as it happens: a spinner on a terminal, one line when done everywhere else.
 * @param label what is going on
 * @param work does it, and returns the line that tells the result
 */
export async function step<T>(label: string, work: () => Promise<T>, told: (value: T) => string): Promise<T> {
  const { stdout } = process;
  if (!stdout.isTTY) {
    const value = await work();
    print(`${DONE} ${told(value)}`);
    return value;
  }
  let frame = 0;
  const draw = (): boolean => stdout.write(`\r\u001b[2K${SPINNER[frame++ % SPINNER.length]} ${label}`);
  draw();
  const timer = setInterval(draw, 100);
  try {
    const value = await work();
    stdout.write(`\r\u001b[2K${DONE} ${told(value)}\n`);
    return value;
  } catch (error) {
    stdout.write('\r\u001b[2K');
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** Bytes as a person reads them. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1_048_576 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
