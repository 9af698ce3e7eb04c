import type { Flag } from './pflag.ts';

/**
 * The flags of `allora-node` with their defaults (allora-inference-base cmd/node/flags.go), in its order. The last two are
 * how the newer Go nodes spell `--topic` and `--attributes`.
 */
export const NODE_FLAGS: readonly Flag[] = [
  { name: 'log-level', short: 'l', kind: 'string', text: 'least severe log lines that are written', fallback: 'info' },
  { name: 'role', short: 'r', kind: 'string', text: 'what the node does: head or worker', fallback: 'worker' },
  { name: 'peer-db', kind: 'string', text: 'no effect: the data folder has it' },
  { name: 'function-db', kind: 'string', text: 'folder in which the data folder is, as inferbase' },
  {
    name: 'concurrency',
    short: 'c',
    kind: 'uint',
    text: 'executions alive at once; where it is not given, as limits.concurrency says',
  },
  { name: 'rest-api', kind: 'string', text: 'address of the REST API, such as :6000 for port 6000 on every interface' },
  { name: 'workspace', kind: 'string', text: 'the same as --function-db, where that is not given' },
  {
    name: 'runtime-path',
    kind: 'string',
    text: 'folder whose extensions/ a worker serves, cgi-allora-infer with them',
  },
  { name: 'runtime-cli', kind: 'string', text: 'no effect: functions run inside the node' },
  { name: 'attributes', kind: 'bool', text: 'no effect: the setting work.attributes says what a worker is' },
  { name: 'topic', kind: 'strings', text: 'topics that a worker serves' },
  { name: 'private-key', kind: 'string', text: 'key file of the node' },
  {
    name: 'address',
    short: 'a',
    kind: 'string',
    text: 'address that connections of other nodes are taken at',
    fallback: '0.0.0.0',
  },
  { name: 'port', short: 'p', kind: 'uint', text: 'port of it; 0: any free one' },
  { name: 'boot-nodes', kind: 'strings', text: 'multiaddrs of nodes to stay connected with' },
  {
    name: 'dialback-address',
    kind: 'string',
    text: 'address that other nodes are told to reach this one at',
    fallback: '0.0.0.0',
  },
  { name: 'dialback-port', kind: 'uint', text: 'port of it' },
  { name: 'websocket-dialback-port', kind: 'uint', text: 'port of it for WebSocket' },
  { name: 'websocket', short: 'w', kind: 'bool', text: 'take connections by WebSocket too' },
  { name: 'websocket-port', kind: 'uint', text: 'port for these; 0: any free one' },
  {
    name: 'cpu-percentage-limit',
    kind: 'float',
    text: 'no effect: see limits.fuel and sandbox.threads',
    fallback: '1',
  },
  { name: 'memory-limit', kind: 'int', text: 'memory of one execution, in kB' },
  { name: 'allora-chain-home-dir', kind: 'string', text: 'no effect yet, as all of the chain' },
  { name: 'allora-chain-key-name', kind: 'string', text: 'no effect yet' },
  { name: 'allora-chain-restore-mnemonic', kind: 'string', text: 'no effect yet' },
  { name: 'allora-chain-account-password', kind: 'string', text: 'no effect yet' },
  { name: 'allora-node-rpc-address', kind: 'string', text: 'no effect yet', fallback: 'http://localhost:26657' },
  { name: 'allora-chain-topic-id', kind: 'strings', text: 'no effect yet' },
  { name: 'allora-chain-reconnect-seconds', kind: 'uint', text: 'no effect yet', fallback: '60' },
  { name: 'allora-chain-initial-stake', kind: 'int', text: 'no effect yet' },
  { name: 'allora-chain-worker-mode', kind: 'string', text: 'no effect yet', fallback: 'worker' },
  { name: 'allora-chain-gas', kind: 'string', text: 'no effect yet', fallback: 'auto' },
  { name: 'allora-chain-gas-adjustment', kind: 'float', text: 'no effect yet', fallback: '0.1' },
  { name: 'topics', kind: 'strings', text: 'the same as --topic', hidden: true },
  { name: 'load-attributes', kind: 'bool', text: 'the same as --attributes', hidden: true },
];

/** Flags of the chain: accepted, and their values not even looked at. */
export function isChainFlag(name: string): boolean {
  return name.startsWith('allora-');
}
