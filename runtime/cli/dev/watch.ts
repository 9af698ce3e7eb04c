import { watch } from 'node:fs';
import { relative, sep } from 'node:path';

/** Folders whose files are made here, or are somebody else's. */
const IGNORED: ReadonlySet<string> = new Set(['build', 'node_modules', '.inferbase', '.git', 'dist']);
/** At the top: what `run` keeps of the processes it starts, their logs among it. */
const NODES = 'nodes';
/** Editors write a file in several steps; how long none may follow, in ms. */
const QUIET_MS = 80;

/**
 * Calls back some moments after files below a folder have changed.
 * @param places `dataDir`: absolute path of the data folder in use; what we write there is no change
 * @param onError the folder cannot be watched any more
 * @returns stops watching
 */
export function watchSources(
  places: { readonly folder: string; readonly dataDir: string },
  onChange: () => void,
  onError: (error: Error) => void,
): () => void {
  const { folder, dataDir } = places;
  const ownState = relative(folder, dataDir);
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(folder, { recursive: true }, (_event, name) => {
    if (name !== null && (isIgnored(name) || [ownState, NODES].some((one) => isWithin(name, one)))) return;
    clearTimeout(timer);
    timer = setTimeout(onChange, QUIET_MS);
  });
  watcher.on('error', onError);
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}

function isWithin(name: string, folder: string): boolean {
  return name === folder || name.startsWith(folder + sep);
}

function isIgnored(name: string): boolean {
  const parts = name.split(sep);
  const file = parts.at(-1) ?? '';
  // What editors keep beside a file.
  return parts.some((part) => IGNORED.has(part)) || /^\.|~$|\.swp$|\.tmp$/.test(file);
}
