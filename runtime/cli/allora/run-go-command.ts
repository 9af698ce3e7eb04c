import process from 'node:process';
import { EXIT, reportFailure } from '../exit.ts';
import { printError } from '../terminal.ts';
import { type Flag, FlagError, type ParsedFlags, parseFlags, usage } from './pflag.ts';

/**
 * Reads the arguments of a command that stands in for one of the Go nodes' and runs it. What does not fit is said as
 * those say it: the error, then the table of flags, both on stderr, and exit code 2. `--help` prints the table on stdout.
 * @param more said below the table by `--help`
 * @returns the exit code
 */
export async function runGoCommand(
  command: { readonly name: string; readonly flags: readonly Flag[]; readonly more: string },
  args: readonly string[],
  action: (parsed: ParsedFlags) => Promise<void>,
): Promise<number> {
  const table = usage(command.name, command.flags);
  let parsed: ParsedFlags;
  try {
    parsed = parseFlags(command.flags, args);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    printError(`${error.message}\n${table.trimEnd()}`);
    return EXIT.usage;
  }
  if (parsed.help) {
    process.stdout.write(`${table}\n${command.more}\n`);
    return EXIT.ok;
  }
  try {
    await action(parsed);
    return EXIT.ok;
  } catch (error) {
    const isDebugging = ['debug', 'trace'].includes(String(parsed.values.get('log-level')));
    const { lines, exitCode } = reportFailure(error, isDebugging);
    for (const line of lines) printError(inTheseFlags(line));
    return exitCode;
  }
}

/** Remedies name the flags of inferbase, which these commands do not have. */
function inTheseFlags(line: string): string {
  return line.replaceAll('--data-dir', '--function-db').replaceAll('--listen-api ', '--rest-api=');
}
