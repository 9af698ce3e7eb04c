import { effectRemarks } from '../config/role-effects.ts';
import { GENERAL_TOPIC, gossipTopic } from '../core/work.ts';
import type { Runtime } from '../runtime.ts';
import { storeFunctions } from './functions-folder.ts';
import { aborted, type Interrupt, watchInterrupt } from './interrupt.ts';
import { serveMetrics } from './metrics.ts';
import { withRuntime } from './open-runtime.ts';
import { findPackage } from './package-root.ts';
import { checkBootNodes, checkPeerPorts } from './peer-places.ts';
import type { AddCommand } from './program.ts';
import { addSettingsFlags, type CommandSettings, commandSettings } from './settings-flags.ts';
import { print } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase serve
  $ inferbase serve --listen-api 0.0.0.0:6000 --data-dir /var/lib/inferbase
  $ inferbase serve --upstream model=http://10.0.0.5:8000 --functions-dir ./functions
  $ inferbase serve --gateways https://trustless-gateway.link
  $ inferbase serve --peers-enabled true --peers-listen /ip4/0.0.0.0/tcp/9011
  $ inferbase serve --role head --data-dir head --peers-listen /ip4/0.0.0.0/tcp/9010
  $ inferbase serve --role worker --data-dir worker --work-topics 1 --boot-nodes /ip4/10.0.0.4/tcp/9010/p2p/12D3KooW…

A head and its workers need a data folder each, since a key is one node's. A worker opens the REST API only where listen.api
was given, and answers health and blocks there.

Each setting may also be given in inferbase.yaml by its key, or as INFERBASE_LIMITS_DEADLINE_MS in the environment.

Exit codes: 0 ended by Ctrl-C or SIGTERM, 2 wrong usage or setting, 69 address taken, 73 data folder not writable,
130 ended by a second Ctrl-C.`;

/** Where settings are looked for in the folder; the second is what the older tools call theirs. */
export const SETTINGS_FILES = ['inferbase.yaml', 'config.yaml'];

/** `serve`: a node that answers until it is told to stop. */
export const addServe: AddCommand = (program) => {
  const command = program
    .command('serve')
    .description('Serve functions by CID on the execute API until Ctrl-C.')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command)
    .option('--boot-nodes <list>', 'the same as --peers-connect, by the name that nodes of the older stack have for it')
    .action(async (options: Record<string, unknown>) => {
      const interrupt = watchInterrupt();
      const bootNodes = options.bootNodes as string | undefined;
      const loaded = await commandSettings(options, {
        fileNames: SETTINGS_FILES,
        ...(bootNodes !== undefined && {
          flags: { 'peers.connect': bootNodes },
          flagNames: { 'peers.connect': '--boot-nodes' },
        }),
      });
      await serveUntil(interrupt, loaded);
    });
};

/**
 * Serves with these settings, and says where, until it is told to stop.
 * @param workerApi whether a worker opens the REST API; by default where its address was given
 */
export async function serveUntil(
  interrupt: Interrupt,
  loaded: CommandSettings,
  workerApi: boolean = loaded.origin('listen.api') !== 'default',
): Promise<void> {
  const { settings } = loaded;
  const { role } = settings;
  for (const { text, shared } of effectRemarks(loaded)) loaded.log[shared ? 'debug' : 'warn'](text);
  await withRuntime(loaded, async (runtime) => {
    const { peerId } = await runtime.openNode();
    checkBootNodes(settings, peerId);
    print(`inferbase ${findPackage().version}`);
    if (role !== 'solo') print(`role ${role}`);
    print(`peer id ${peerId}`);
    print(`data folder ${settings.dataDir}`);
    await using metrics = await serveMetrics(loaded, runtime, { peerId, version: findPackage().version });
    if (metrics.url !== null) print(`metrics ${metrics.url}`);
    if (role !== 'head')
      for (const [name, { url }] of Object.entries(settings.upstreams)) print(`upstream ${name} ${url}`);
    for (const gateway of settings.gateways) print(`gateway ${gateway}`);
    if (settings.gateways.length === 0) print('gateway none');
    const meetsPeers = role !== 'solo' || settings.peers.enabled;
    if (meetsPeers) await checkPeerPorts(settings, loaded.origin('peers.listen'));
    if (role === 'worker') {
      // Heads that find it already reach one that is ready.
      await seedFunctions(runtime, loaded);
      await runtime.ready();
      for (const topic of new Set([GENERAL_TOPIC, ...settings.work.topics.map(gossipTopic)])) print(`topic ${topic}`);
    }
    for (const address of await runtime.joinPeers()) print(`peer address ${address}`);
    for (const address of meetsPeers ? settings.peers.connect : [])
      print(`${role === 'solo' ? 'peer' : 'boot node'} ${address}`);
    // Rarely what was meant: heads have to dial this one, which none does by itself.
    if (role === 'worker' && settings.peers.connect.length === 0) print('boot node none');
    if (role !== 'worker') await seedFunctions(runtime, loaded);
    if (role !== 'worker' || workerApi) {
      const api = await listen(runtime);
      print(`API ${api}`);
      for (const entry of role === 'worker' ? [] : settings.web.functions) print(`web ${api}/fn/${webName(entry)}/`);
    }
    if (role !== 'solo') print(`${role} ready`);
    await aborted(interrupt.signal);
    print(`closing after ${interrupt.name}`);
  });
}

async function seedFunctions(runtime: Runtime, { settings, log }: CommandSettings): Promise<void> {
  if (settings.functionsDir !== null) await storeFunctions(runtime, settings.functionsDir, settings.dataDir, log);
}

/** The segment of the path that a line of `web.functions` stands for. */
function webName(entry: string): string {
  return entry === '*' ? 'CID' : (entry.split('=')[0] ?? entry);
}

/**
 * Starts the API.
 * @returns its URL
 */
export async function listen(runtime: Runtime): Promise<string> {
  const { address, port } = await runtime.listen();
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
