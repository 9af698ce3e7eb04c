import { join } from 'node:path';

/** The processes that `run` keeps for a project, in the order they are started in. */
export const LOCAL_ROLES = ['model', 'head', 'worker'] as const;

export type LocalRole = (typeof LOCAL_ROLES)[number];

/** Folder of what a project's processes leave: keys, data, logs, and who they are. */
export function nodesFolder(root: string): string {
  return join(root, 'nodes');
}

/** Where a process of the project keeps its own; head and worker have their data folder in it. */
export function roleFolder(root: string, role: LocalRole): string {
  return join(nodesFolder(root), role);
}

/** What a process says, on both streams. */
export function logPath(root: string, role: LocalRole): string {
  return join(roleFolder(root, role), 'log.txt');
}

/** What it said before: the log was full, or is of an earlier start. */
export function oldLogPath(log: string): string {
  return log.replace(/\.txt$/, '.old.txt');
}
