import { InferbaseError } from '../core/errors.ts';
import { type AddCommand, type CommandLine, runCommandLine } from './command-line.ts';

const EXAMPLES = `
Examples:
  $ allora-wkr init --name price-feed
  $ cd price-feed
  $ allora-wkr run --logs
  $ allora-wkr terminate
The commands are those of inferbase of the same names. Each explains itself: allora-wkr COMMAND --help.

Exit codes: those of inferbase: 0 done, 1 failed, 2 wrong usage or setting, 3 nothing runs (status), 69 address taken,
73 data folder not writable, 78 Node too old, 130 interrupted.`;

const COMMANDS: CommandLine['commands'] = [
  ['init', 'make a project for a function', async () => (await import('./init.ts')).addInit],
  ['run', 'start head, worker and model server here', async () => (await import('./run.ts')).addRun],
  ['status', 'tell how those are that run started', async () => (await import('./status.ts')).addStatus],
  ['logs', 'show what those say', async () => (await import('./logs.ts')).addLogs],
  ['terminate', 'end those that run started', async () => (await import('./terminate.ts')).addTerminate],
  ['deploy', 'say how to deploy', async () => addDeploy],
];

const SHARED = /\binferbase (?=(?:init|run|status|logs|terminate)\b)/g;

/**
 * `allora-wkr`, as Allora's guide has it.
 * @param args arguments without node and script
 * @returns the exit code
 */
export function runAlloraWkr(args: readonly string[]): Promise<number> {
  return runCommandLine(
    {
      name: 'allora-wkr',
      description: 'Makes and runs a worker node on this machine; another name for these commands of inferbase.',
      commands: COMMANDS,
      examples: EXAMPLES,
      reword: (text) => text.replace(SHARED, 'allora-wkr '),
    },
    args,
  );
}

const DEPLOYING = [
  'inferbase build && docker build -t REGISTRY/NAME . && docker push REGISTRY/NAME',
  'then start that image with INFERBASE_ROLE=worker, INFERBASE_PEERS_CONNECT (the multiaddr of a head),',
  'INFERBASE_WORK_TOPICS and a volume at /data for its key: compose.yaml of the project does so;',
  'for Kubernetes deploy/README.md of inferbase has a StatefulSet',
];

/** `deploy`: it went with the charts it was made for. */
const addDeploy: AddCommand = (program) => {
  program
    .command('deploy')
    .description('Not done by this program: says what to do instead.')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', '\nExamples:\n  $ allora-wkr deploy\n\nExit codes: 1 always.')
    .action(() => {
      throw new InferbaseError('ERR_INVALID_REQUEST', 'deploy puts nothing on a cluster; make an image and start it', {
        details: DEPLOYING,
      });
    });
};
