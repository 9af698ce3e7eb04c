import type { CID } from 'multiformats/cid';
import { parseCid } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';

/** Where in which DAG an archive lies. */
export interface ArchiveLocation {
  /** `null`: in the DAG of the manifest. */
  readonly cid: CID | null;
  readonly path: readonly string[];
}

/**
 * Reads the archive URL of a manifest. A relative one is a path in the manifest's own DAG; a gateway's URL
 * (`…/ipfs/<cid>/x`, `<cid>.ipfs.host/x`, `ipfs://<cid>/x`) names a CID, and only that is used: where it comes from is
 * the node's own choice.
 * @throws InferbaseError `ERR_INVALID_MANIFEST` for any other URL
 */
export function locateArchive(text: string): ArchiveLocation {
  const ipfs = /^ipfs:\/\/([^/?#]+)(.*)$/i.exec(text);
  if (ipfs !== null) return { cid: cidOf(ipfs[1] ?? '', text), path: pathOf(ipfs[2] ?? '', text) };
  if (/^([a-z][a-z0-9+.-]*:)?\/\//i.test(text)) return locateUrl(text);
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) throw refused(text);
  return locatePath(null, pathOf(text, text), text);
}

function locateUrl(text: string): ArchiveLocation {
  const url = URL.parse(text, 'https://localhost');
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw refused(text);
  const path = pathOf(url.pathname, text);
  const [label = '', kind] = url.hostname.split('.');
  if (kind === 'ipfs') return { cid: cidOf(label, text), path };
  const location = locatePath(null, path, text);
  if (location.cid === null) throw refused(text);
  return location;
}

function locatePath(cid: CID | null, path: readonly string[], text: string): ArchiveLocation {
  const [root, name] = path;
  return root === 'ipfs' && name !== undefined ? { cid: cidOf(name, text), path: path.slice(2) } : { cid, path };
}

function pathOf(path: string, text: string): readonly string[] {
  try {
    const parts = path
      .replace(/[?#].*$/s, '')
      .split('/')
      .map(decodeURIComponent);
    if (parts.some((part) => part === '..' || /[/\\\0]/.test(part))) throw refused(text);
    return parts.filter((part) => part !== '' && part !== '.');
  } catch {
    throw refused(text);
  }
}

function cidOf(name: string, text: string): CID {
  try {
    return parseCid(name).cid;
  } catch (error) {
    throw new InferbaseError('ERR_INVALID_MANIFEST', `The archive URL ${shown(text)} names no usable CID.`, {
      cause: error,
    });
  }
}

function refused(text: string): InferbaseError {
  return new InferbaseError(
    'ERR_INVALID_MANIFEST',
    `The archive URL ${shown(text)} is neither a path beside the manifest nor a CID; put the archive beside manifest.json.`,
  );
}

function shown(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
