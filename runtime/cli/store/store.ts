import type { Command } from 'commander';
import type { AddCommand } from '../program.ts';
import { addExport } from './export.ts';
import { addGc } from './gc.ts';
import { addImport } from './import.ts';
import { addLs } from './ls.ts';
import { addStat } from './stat.ts';
import { addVerify } from './verify.ts';

const EXAMPLES = `
Examples:
  $ inferbase store ls
  $ inferbase store verify --repair
  $ inferbase store import price-feed.car
  $ inferbase store export bafy… -o price-feed.car
Each of them explains itself: inferbase store COMMAND --help.`;

/** Adds one command below `store`. */
export type AddStoreCommand = (store: Command, done: (exitCode: number) => void) => void;

const COMMANDS: readonly AddStoreCommand[] = [addLs, addStat, addVerify, addGc, addImport, addExport];

/** `store COMMAND`: what is in the data folder. */
export const addStore: AddCommand = (program, done) => {
  const store = program
    .command('store')
    .description('Look after the data folder: what is in it, whether it is sound, and what may go.')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES);
  for (const add of COMMANDS) add(store, done);
};
