import { access, constants } from 'node:fs/promises';
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { type Command, Option } from 'commander';
import { SETTING_KEYS, type SettingKey } from '../config/keys.ts';
import { type LoadedSettings, loadSettings, type SettingsSources } from '../config/load.ts';
import type { Settings } from '../config/settings.ts';
import { InferbaseError } from '../core/errors.ts';
import { makeFolder } from '../core/folder.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { writeError } from './terminal.ts';

const PLACEHOLDERS = { text: 'text', number: 'n', switch: 'true|false', list: 'list', mapping: 'json' } as const;

/** Settings that every command knows. */
export const COMMON_KEYS: readonly string[] = ['dataDir', 'gateways', 'peers.enabled', 'peers.connect', 'log.level'];

/** Settings of what guests may run on this machine. */
export const EXTENSION_KEYS: readonly string[] = SETTING_KEYS.filter(({ path }) => path[0] === 'extensions').map(
  ({ key }) => key,
);

/**
 * Adds a flag for each of the named settings, `--config`, and `--upstream` where upstreams matter.
 * @param keys key paths; all settings when left out
 */
export function addSettingsFlags(command: Command, keys?: readonly string[]): Command {
  command.option('--config <file>', 'settings file, YAML or JSON (default: inferbase.yaml, if there is one)');
  for (const row of SETTING_KEYS) {
    if (row.flag === undefined || (keys !== undefined && !keys.includes(row.key))) continue;
    command.addOption(new Option(`${row.flag} <${PLACEHOLDERS[row.kind]}>`, describe(row)));
  }
  if (keys === undefined || keys.includes('upstreams')) {
    command.option('--upstream <name=url>', 'server that guests reach as http://NAME/; may be repeated', collect);
  }
  return command;
}

/**
 * The arguments that a command would have to be given for these options of settings: what `commandSettings` reads.
 * @param wanted whether a setting matters to that command
 */
export function settingsArguments(
  options: Readonly<Record<string, unknown>>,
  wanted: (key: string) => boolean,
): string[] {
  const args: string[] = [];
  const add = (flag: string, value: unknown): void => {
    if (typeof value === 'string') args.push(flag, value);
  };
  add('--config', options.config);
  for (const { flag, key } of SETTING_KEYS) {
    if (flag !== undefined && wanted(key)) add(flag, options[new Option(flag).attributeName()]);
  }
  const upstreams = wanted('upstreams') ? ((options.upstream ?? []) as string[]) : [];
  for (const upstream of upstreams) add('--upstream', upstream);
  return args;
}

function describe(row: SettingKey): string {
  const text = row.fallbackText ?? (Array.isArray(row.fallback) ? row.fallback.join(',') : String(row.fallback));
  return `${row.doc} (default: ${text})`;
}

/** Tells how to raise a setting for which a command has no flag. */
export function howToRaise(key: string): string {
  const row = SETTING_KEYS.find((candidate) => candidate.key === key);
  return `raise ${key} with ${row?.env}=N in the environment, or in a settings file`;
}

/** Parser of an option that may be repeated. */
export function collect(value: string, earlier: readonly string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}

export interface CommandSettings extends LoadedSettings {
  readonly log: Log;
}

/**
 * Settings and log of a command, from its flags, the environment and the settings file.
 * @param options what commander parsed
 * @param over values and defaults of this command, by key path, and how its own flags for settings are spelt
 */
export async function commandSettings(
  options: Readonly<Record<string, unknown>>,
  over: Pick<SettingsSources, 'flags' | 'defaults' | 'flagNames' | 'fileNames'> = {},
): Promise<CommandSettings> {
  const flags: Record<string, unknown> = {};
  const flagNames: Record<string, string> = {};
  for (const row of SETTING_KEYS) {
    if (row.flag !== undefined) flags[row.key] = options[new Option(row.flag).attributeName()];
  }
  for (const text of (options.upstream ?? []) as string[]) {
    const [, name, url] = /^([^=]+)=(.*)$/.exec(text) ?? [];
    if (name === undefined) {
      throw new InferbaseError('ERR_INVALID_SETTING', `--upstream ${text} has no name; write it as NAME=URL`);
    }
    flags[`upstreams.${name}.url`] = url;
    flagNames[`upstreams.${name}.url`] = `--upstream ${name}=…`;
  }
  const loaded = await loadSettings({
    cwd: process.cwd(),
    env: process.env,
    config: options.config as string | undefined,
    flags: { ...flags, ...over.flags },
    flagNames: { ...flagNames, ...over.flagNames },
    // Who names a peer on the command line wants it asked.
    defaults: { ...(options.peersConnect === undefined ? {} : { 'peers.enabled': true }), ...over.defaults },
    ...(over.fileNames === undefined ? {} : { fileNames: over.fileNames }),
  });
  const log = createLog({
    level: loaded.settings.log.level,
    pretty: process.stderr.isTTY === true,
    write: writeError,
  });
  for (const remark of loaded.remarks) log.info(remark);
  // A second wall behind the limit in every rewritten module; nothing has been compiled yet.
  setFlagsFromString(`--wasm-max-mem-pages=${Math.max(loaded.settings.limits.memoryPages, 1024)}`);
  setFlagsFromString(`--wasm-stack-switching-stack-size=${loaded.settings.sandbox.stackKb}`);
  return { ...loaded, log };
}

/**
 * Makes the data folder if need be.
 * @throws InferbaseError ERR_STORE_UNAVAILABLE when it cannot be written
 */
export async function prepareDataFolder({ dataDir }: Settings): Promise<void> {
  try {
    await makeFolder(dataDir);
    await access(dataDir, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const message =
      code === 'EEXIST' || code === 'ENOTDIR'
        ? `the data folder ${dataDir} is a file, or lies below one; give a folder with --data-dir`
        : `the data folder ${dataDir} cannot be written (${code}); make it writable or choose another with --data-dir`;
    throw new InferbaseError('ERR_STORE_UNAVAILABLE', message, { cause });
  }
}
