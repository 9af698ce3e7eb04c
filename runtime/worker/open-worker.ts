import { consensusOf, type Settings } from '../config/settings.ts';
import type { Outcome } from '../core/execution.ts';
import type { Attestation, WorkOrder } from '../core/work.ts';
import { executionCapacity } from '../sandbox/capacity.ts';
import { loadAttributeFile } from '../services/attribute-file.ts';
import type { Identity } from '../services/identity.ts';
import { signAttestation } from '../wire/attestation.ts';
import { createWorker, type Worker, type WorkerComponents } from './worker.ts';

/**
 * A worker with these settings, which signs by the key of the node where `work.sign` says so.
 * @throws InferbaseError `ERR_INVALID_SETTING` for a file of attributes that cannot be used
 */
export async function openWorker(
  { identity, ...components }: Omit<WorkerComponents, 'sign'> & { readonly identity: Identity },
  { work, limits }: Pick<Settings, 'work' | 'limits'>,
): Promise<Worker> {
  const { attributes: told, attributesFile: path } = work;
  const attested = path === null ? null : await loadAttributeFile(path, identity.peerId);
  const sign = (order: WorkOrder, outcome: Outcome): Attestation =>
    signAttestation(identity, { request: order.request, outcome });
  return createWorker(
    { ...components, sign: work.sign ? sign : null },
    // No more than the sandbox has alive: what waits here, waits in turn.
    {
      ...{ ...work, ...limits, attributes: { told, attested }, consensus: consensusOf({ role: 'worker', work }) },
      concurrency: executionCapacity(limits.concurrency),
    },
  );
}
