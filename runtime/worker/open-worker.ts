import type { Settings } from '../config/settings.ts';
import type { Outcome } from '../core/execution.ts';
import type { Attestation, WorkOrder } from '../core/work.ts';
import type { Identity } from '../services/identity.ts';
import { signAttestation } from '../wire/attestation.ts';
import { createWorker, type Worker, type WorkerComponents } from './worker.ts';

/** A worker with these settings, which signs by the key of the node where `work.sign` says so. */
export function openWorker(
  { identity, ...components }: Omit<WorkerComponents, 'sign'> & { readonly identity: Identity },
  { work, limits }: Pick<Settings, 'work' | 'limits'>,
): Worker {
  const sign = (order: WorkOrder, outcome: Outcome): Attestation =>
    signAttestation(identity, { request: order.request, outcome });
  return createWorker({ ...components, sign: work.sign ? sign : null }, { ...work, ...limits });
}
