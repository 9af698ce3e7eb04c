import { randomBytes } from 'node:crypto';
import { appendFile, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../core/folder.ts';
import { type ResultRecord, readRecords } from './result-record.ts';

/** Results on disk: files that are only appended to, the newest few of them. */
export interface ResultFiles {
  /** All that is there and whole, oldest first; what cannot be read is passed over. */
  load(): Promise<readonly ResultRecord[]>;
  /** Adds records at once. @throws a system error; what was written of them is no harm */
  append(records: readonly Buffer[]): Promise<void>;
}

interface ResultFile {
  readonly name: string;
  records: number;
  bytes: number;
}

/** By time of creation, so that names sort by age. */
const NAME = /^\d{14}-[0-9a-f]{8}\.results$/;
/** A file is not appended to past this. */
const FILE_BYTES = 16 * 1_048_576;
/** Files are removed, the oldest first, while those after it have this many records or bytes. */
const ENOUGH_BYTES = 2 * FILE_BYTES;
const MAX_FILES = 64;
/** No file of ours gets larger. */
const MAX_READ_BYTES = 4 * FILE_BYTES;

/**
 * @param folder made when something is written
 * @param enough as many records as are wanted back
 */
export function createResultFiles(folder: string, { enough }: { readonly enough: number }): ResultFiles {
  const files: ResultFile[] = [];
  let current: ResultFile | null = null;

  async function loadFile(name: string): Promise<readonly ResultRecord[]> {
    const path = join(folder, name);
    const { size } = await stat(path);
    if (size > MAX_READ_BYTES) return [];
    const records = Array.from(readRecords(await readFile(path)));
    files.push({ name, records: records.length, bytes: size });
    return records;
  }

  async function prune(): Promise<void> {
    let [records, bytes, kept] = [0, 0, 0];
    for (const file of files.toReversed()) {
      if (records >= enough || bytes >= ENOUGH_BYTES || kept >= MAX_FILES) {
        files.splice(files.indexOf(file), 1);
        await rm(join(folder, file.name), { force: true });
      }
      kept++;
      records += file.records;
      bytes += file.bytes;
    }
  }

  async function begin(): Promise<ResultFile> {
    await makeFolder(folder);
    // Later than all there are, whatever the clock says.
    const newest = Number(files.at(-1)?.name.slice(0, 14) ?? 0);
    const time = String(Math.max(Date.now(), newest + 1)).padStart(14, '0');
    const name = `${time}-${randomBytes(4).toString('hex')}.results`;
    const file = { name, records: 0, bytes: 0 };
    files.push(file);
    await prune();
    return file;
  }

  return {
    async load() {
      const names = await readdir(folder).catch(() => []);
      const records: ResultRecord[] = [];
      for (const name of names.filter((one) => NAME.test(one)).sort()) {
        records.push(...(await loadFile(name).catch(() => [])));
      }
      return records;
    },
    async append(records) {
      if (current === null || current.bytes > FILE_BYTES || current.records >= enough) current = await begin();
      const file = current;
      const bytes = Buffer.concat(records);
      // After half a write, nothing behind it could be read.
      current = null;
      await appendFile(join(folder, file.name), bytes, { mode: 0o600 });
      file.records += records.length;
      file.bytes += bytes.length;
      current = file;
    },
  };
}
