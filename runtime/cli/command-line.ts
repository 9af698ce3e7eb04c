import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { EXIT } from './exit.ts';
import { findPackage } from './package-root.ts';

/** Adds one command to the program; its action puts the exit code where `done` takes it. */
export type AddCommand = (program: Command, done: (exitCode: number) => void) => void;

/** A program made of commands, which are loaded when they are asked for, so that `--version` is quick. */
export interface CommandLine {
  readonly name: string;
  readonly description: string;
  readonly commands: readonly (readonly [name: string, summary: string, load: () => Promise<AddCommand>])[];
  /** What follows the list of commands in `--help`. */
  readonly examples: string;
  /** Texts of commands that another program has as well, in the words of this one. */
  readonly reword?: (text: string) => string;
}

/**
 * Runs the command that the arguments name.
 * @param args arguments without node and script
 * @returns the exit code
 */
export async function runCommandLine(
  { name: program, description, commands, examples, reword = (text) => text }: CommandLine,
  args: readonly string[],
): Promise<number> {
  let exitCode: number = EXIT.ok;
  const command = new Command(program)
    .description(description)
    .version(findPackage().version, '-v, --version')
    .helpCommand('help [command]', 'explain a command')
    .enablePositionalOptions()
    // Long flags leave less than that of 80 columns; without it their texts would not be wrapped at all.
    .configureHelp({ minWidthToWrap: 24 })
    .configureOutput({ writeOut: (text) => process.stdout.write(reword(text)) })
    .showHelpAfterError(`(${program} --help lists the commands, ${program} COMMAND --help what each takes)`)
    .exitOverride()
    .addHelpText('after', examples);
  const asked = args[0] === 'help' ? args[1] : args[0];
  for (const [name, summary, load] of commands) {
    if (asked === name)
      (await load())(command, (code) => {
        exitCode = code;
      });
    else command.command(name).summary(summary).description(summary);
  }
  try {
    await command.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has printed what there was to say; help and version come here as well.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return exitCode;
}
