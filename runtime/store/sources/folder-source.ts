import { MessageChannel } from 'node:worker_threads';
import type { BlockFolder } from '../block-folder.ts';
import { SourceMiss } from './block-source.ts';
import { type SourcePort, serveSource } from './port-source.ts';

/** A folder of blocks as a source for a store in another folder. @param name in errors */
export function connectFolder(folder: Pick<BlockFolder, 'get'>, name: string): SourcePort {
  const { port1, port2 } = new MessageChannel();
  serveSource(port1, {
    name,
    async fetchBlock(cid) {
      const bytes = await folder.get(cid);
      if (bytes === undefined) throw new SourceMiss('ERR_FUNCTION_NOT_FOUND', 'it is not there');
      return bytes;
    },
  });
  // Who waits for an answer is alive by other means.
  port1.unref();
  return { name, port: port2 };
}
