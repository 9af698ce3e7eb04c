import { basename, dirname, join } from 'node:path';
import { InferbaseError } from '../core/errors.ts';
import { makeFolder } from '../core/folder.ts';
import { PUBLIC_KEY_PREFIX } from '../core/peer-id.ts';
import { replaceFile } from './durable-file.ts';
import { type Identity, loadIdentity } from './identity.ts';

export interface KeyFiles {
  readonly identity: Identity;
  /** Paths of all files; the private key is the first. */
  readonly paths: readonly string[];
}

/** libp2p's `PublicKey` message. */
export function publicKeyMessage({ publicKey }: Pick<Identity, 'publicKey'>): Buffer {
  return Buffer.concat([PUBLIC_KEY_PREFIX, publicKey]);
}

/**
 * Makes the files that `allora-keys` of the Go nodes makes (allora-inference-base cmd/keys/main.go),
 * byte for byte and without line ends: the private key in `path`, and beside it `pub.bin`, both once more as base64 in
 * `priv.txt` and `pubkey.txt`, and the peer id in `identity`. A private key that is there is kept as it is; the other
 * files are written anew, as that tool does. The folder is one that others may enter: scripts read `identity` there.
 * @param path of the private key; `priv.bin` for that tool
 * @throws InferbaseError as `loadIdentity`; `ERR_STORE_UNAVAILABLE` when another file cannot be written
 */
export async function writeKeyFiles(path: string): Promise<KeyFiles> {
  const taken = ['pub.bin', 'priv.txt', 'pubkey.txt', 'identity'];
  if (taken.includes(basename(path))) {
    throw new InferbaseError(
      'ERR_INVALID_SETTING',
      `${path} is the name of another key file; name the private key priv.bin, or anything but ${taken.join(', ')}`,
    );
  }
  await written(path, () => makeFolder(dirname(path)));
  const identity = await loadIdentity(path, { create: true });
  const publicKey = publicKeyMessage(identity);
  const others: readonly (readonly [name: string, content: Uint8Array | string, mode: number])[] = [
    ['pub.bin', publicKey, 0o644],
    ['pubkey.txt', publicKey.toString('base64'), 0o644],
    ['identity', identity.peerId, 0o644],
    ['priv.txt', Buffer.from(identity.privateKey).toString('base64'), 0o600],
  ];
  const paths = [path];
  for (const [name, content, mode] of others) {
    const file = join(dirname(path), name);
    await written(file, () => replaceFile(file, Buffer.from(content), mode));
    paths.push(file);
  }
  return { identity, paths };
}

async function written(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new InferbaseError(
      'ERR_STORE_UNAVAILABLE',
      `The key file ${path} cannot be written (${code}); check the permissions of its folder.`,
      { cause: error },
    );
  }
}
