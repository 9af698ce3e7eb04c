import { resolve } from 'node:path';
import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import type { AddCommand } from './program.ts';
import { step } from './progress.ts';
import { print } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase init price-feed
  $ inferbase init --name price-feed      the same
  $ inferbase init price-feed --python    the prediction comes from main.py, run beside the node
  $ inferbase init price-feed --json      {"name":"price-feed","path":"…","files":[…],"peerIds":{…}}

The project builds, passes its tests and runs as it is: inferbase build, inferbase test, inferbase run. Nothing is
fetched, and no file that is there is ever overwritten.

Exit codes: 0 made, 1 a file is in the way or the folder cannot be written, 2 wrong usage.`;

/** A folder's name, and what npm, Docker and archives take as one of theirs. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,57}$/;

interface InitOptions {
  readonly name?: string;
  readonly python?: boolean;
  readonly json?: boolean;
}

/** `init NAME`: makes a project. */
export const addInit: AddCommand = (program) => {
  program
    .command('init')
    .description(
      'Make a project for a node function in a new folder: source, tests, settings, model server, identities for local use, and container files.',
    )
    .argument('[name]', 'name of the function and of the folder')
    .option('--name <name>', 'the same, as an option')
    .option('--python', 'have a main.py predict, run by the node as cgi-allora-infer')
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (argument: string | undefined, options: InitOptions) => {
      const name = chooseName(argument, options.name);
      const { python = false, json = false } = options;
      const path = resolve(name);
      const { createProject } = await import('./init/create-project.ts');
      const { files, peerIds } = await step(
        `making ${name}`,
        () => createProject(path, { name, python, user: userOf() }),
        (made) => `${name}: ${made.files.length} files`,
        { quiet: json },
      );
      if (json) {
        print(JSON.stringify({ name, path, files, peerIds }));
        return;
      }
      for (const file of files) print(`  ${name}/${file}`);
      for (const [node, peerId] of Object.entries(peerIds)) print(`  identity of ${node}: ${peerId}`);
      print(`\nNext:\n  cd ${name}\n  inferbase test\n  ${program.name()} run\nREADME.md there goes on from here.`);
    });
};

function chooseName(argument: string | undefined, option: string | undefined): string {
  const name = option ?? argument;
  if (name === undefined) {
    throw new InferbaseError('ERR_INVALID_SETTING', 'the project has no name; write inferbase init NAME');
  }
  if (argument !== undefined && option !== undefined && argument !== option) {
    throw new InferbaseError('ERR_INVALID_SETTING', `the project has two names, ${argument} and ${option}; give one`);
  }
  if (!NAME.test(name)) {
    const shown = JSON.stringify(name.slice(0, 80));
    throw new InferbaseError(
      'ERR_INVALID_SETTING',
      `${shown} cannot be a project's name; use at most 58 lower-case letters, digits, hyphens and underscores, such as price-feed`,
    );
  }
  return name;
}

/** `UID:GID`; that of the image's own user where the system has none. */
function userOf(): string {
  return `${process.getuid?.() ?? 1001}:${process.getgid?.() ?? 1001}`;
}
