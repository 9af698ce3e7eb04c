import type { LoadedSettings } from './load.ts';
import type { Settings } from './settings.ts';

type Role = Settings['role'];

/** Settings that not every role has a use for. */
interface Row {
  /** Keys, or groups of them. */
  readonly keys: readonly string[];
  readonly roles: readonly Role[];
  /** What to do in the other roles. */
  readonly remedy: string;
}

const IN_GUESTS = 'functions run on its workers, set it there';
const NO_PEERS = 'set peers.enabled to true';

/** All other settings have an effect in every role; a more exact key comes first. */
const ROWS: readonly Row[] = [
  { keys: ['web.functions'], roles: ['solo', 'head'], remedy: 'set it on a head or a solo node, which serve the web' },
  { keys: ['limits.bodyBytes'], roles: ['solo', 'head', 'worker'], remedy: '' },
  { keys: ['upstreams', 'policy', 'extensions', 'limits', 'sandbox'], roles: ['solo', 'worker'], remedy: IN_GUESTS },
  { keys: ['work.sign'], roles: ['solo', 'worker'], remedy: 'its workers sign, set it there' },
  {
    keys: ['work.topics', 'work.heads', 'work.attributes', 'work.attributesFile'],
    roles: ['worker'],
    remedy: 'it is for workers',
  },
  {
    keys: ['work.workers', 'work.clients', 'work.rollCallMs', 'work.executionMs'],
    roles: ['head'],
    remedy: 'it is for heads',
  },
  { keys: ['work'], roles: ['head', 'worker'], remedy: 'it is for heads and workers, see role' },
];

/** The same for what needs peers. */
const PEER_KEYS: readonly string[] = ['listen', 'announce', 'connect', 'allow', 'maxConnections', 'maxPerAddress'];

/** What to do where a setting has no effect on such a node; `undefined` where it has one. */
export function whyNoEffect(
  key: string,
  { role, peers: { enabled } }: { readonly role: Role; readonly peers: { readonly enabled: boolean } },
): string | undefined {
  const [group, name = ''] = key.split('.');
  if (group === 'peers' && !enabled) {
    // Heads and workers have peers in any case, but exchange blocks only where that is enabled.
    if (name === 'serve' || (role === 'solo' && PEER_KEYS.includes(name))) return NO_PEERS;
  }
  const row = ROWS.find(({ keys }) => keys.some((one) => key === one || key.startsWith(`${one}.`)));
  return row === undefined || row.roles.includes(role) ? undefined : row.remedy;
}

/** A sentence about settings that were given to a node that has no use for them. */
export interface EffectRemark {
  readonly text: string;
  /** They stand in a file that other roles share: nothing is wrong. */
  readonly shared: boolean;
}

/** Says which settings have no effect, where they were set, and what to do; those with one remedy together. */
export function effectRemarks({ settings, given, origin }: LoadedSettings): EffectRemark[] {
  const own = fileOf(origin('role'));
  const groups = new Map<string, EffectRemark & { names: string[]; remedy: string }>();
  for (const { key, origin: from } of given) {
    const remedy = whyNoEffect(key, settings);
    if (remedy === undefined) continue;
    const file = fileOf(from);
    const shared = file !== undefined && file !== own;
    const id = `${shared} ${remedy}`;
    const group = groups.get(id) ?? { text: '', shared, names: [], remedy };
    group.names.push(`${key} (set by ${from})`);
    groups.set(id, group);
  }
  return [...groups.values()].map(({ names, remedy, shared }) => {
    const verb = names.length === 1 ? 'has' : 'have';
    return { text: `${names.join(', ')} ${verb} no effect on a ${settings.role} node; ${remedy}`, shared };
  });
}

/** `inferbase.yaml` of `inferbase.yaml:4`. */
function fileOf(origin: string): string | undefined {
  return /^(.+):\d+$/.exec(origin)?.[1];
}
