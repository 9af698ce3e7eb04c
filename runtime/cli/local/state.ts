import { accepts, get } from './ask.ts';
import { isAlive, type ProcessRecord, readRecord } from './record.ts';
import { LOCAL_ROLES, type LocalRole } from './role.ts';

/** The records of a project's processes; one without is not there, one with may have ended. */
export type LocalRecords = Readonly<Partial<Record<LocalRole, ProcessRecord>>>;

/** Who the processes of a project are, whether they still run or not. */
export async function readRecords(root: string): Promise<LocalRecords> {
  const records: Partial<Record<LocalRole, ProcessRecord>> = {};
  for (const role of LOCAL_ROLES) {
    const record = await readRecord(root, role);
    if (record !== undefined) records[role] = record;
  }
  return records;
}

/** Those that still run. */
export function alive(records: LocalRecords): LocalRecords {
  return Object.fromEntries(Object.entries(records).filter(([, record]) => isAlive(record)));
}

/** Peer ids by topic, as the head sees them. */
export type SeenWorkers = Readonly<Record<string, readonly string[]>>;

/**
 * Which workers a head sees.
 * @param url of its API
 * @param topics as an execute request names them
 * @throws an error where it does not answer
 */
export async function seenWorkers(url: string, topics: readonly string[]): Promise<SeenWorkers> {
  const seen: Record<string, readonly string[]> = {};
  for (const topic of topics) {
    const { status, text } = await get(new URL(`/api/v1/workers?topic=${encodeURIComponent(topic)}`, url));
    if (status !== 200) throw new Error(`HTTP ${status}`);
    seen[topic] = (JSON.parse(text) as { peers: string[] }).peers;
  }
  return seen;
}

/**
 * Why a process that runs is not ready to do its part; `null` where it is: the model server takes connections, the head
 * answers, the worker is seen by the head on all of its topics.
 */
export async function whyNotReady(role: LocalRole, records: LocalRecords): Promise<string | null> {
  const { model, head, worker } = records;
  switch (role) {
    case 'model':
      return (await accepts(new URL(model?.url ?? ''))) ? null : 'it takes no connections yet';
    case 'head': {
      const answer = await get(new URL('/api/v1/health', head?.url ?? '')).catch(() => undefined);
      return answer?.status === 200 ? null : 'it does not answer yet';
    }
    case 'worker': {
      if (head?.url == null) return 'there is no head';
      const seen = await seenWorkers(head.url, worker?.topics ?? []).catch(() => undefined);
      if (seen === undefined) return 'the head does not answer';
      const missing = Object.keys(seen).filter((topic) => !seen[topic]?.includes(worker?.peerId ?? ''));
      return missing.length === 0 ? null : `the head does not see it on topic ${missing.join(', ')}`;
    }
  }
}
