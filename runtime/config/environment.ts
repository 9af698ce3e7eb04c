import { type Assignment, readText, unknownVariable } from './assignment.ts';
import { ANY_NAME, isTaken, SETTING_KEYS, type SettingKey } from './keys.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the settings file, so it is no setting itself. */
export const CONFIG_VARIABLE = 'INFERBASE_CONFIG';

/**
 * What Kubernetes injects for a Service whose name begins with `inferbase`: not meant for us, and its presence must
 * not stop a node.
 */
const SERVICE_VARIABLE = /_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const SERVICE_VALUE = /^(tcp|udp|sctp):\/\//;

/**
 * Settings from `INFERBASE_*` variables. An empty variable counts as not set.
 * @throws InferbaseError ERR_INVALID_SETTING for a variable that names no setting
 */
export function environmentSettings(env: Environment): Assignment[] {
  const assignments: Assignment[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('INFERBASE_') || name === CONFIG_VARIABLE || text === undefined || text === '') continue;
    if (SERVICE_VARIABLE.test(name) || SERVICE_VALUE.test(text)) continue;
    const found = findVariable(name);
    if (found === undefined) throw unknownVariable(name);
    assignments.push({ path: found.path, value: readText(found.row, text), origin: name });
  }
  return assignments;
}

function findVariable(name: string): { row: SettingKey; path: readonly string[] } | undefined {
  for (const row of SETTING_KEYS) {
    if (row.env === name) return { row, path: row.path };
    const [before, after] = row.env.split(ANY_NAME);
    if (before === undefined || after === undefined || name.length <= before.length + after.length) continue;
    if (!name.startsWith(before) || !name.endsWith(after)) continue;
    const entry = name.slice(before.length, -after.length).toLowerCase().replaceAll('_', '-');
    if (isTaken(row.path.slice(0, row.path.indexOf(ANY_NAME)), entry)) continue;
    return { row, path: row.path.map((part) => (part === ANY_NAME ? entry : part)) };
  }
  return undefined;
}
