import type { InferenceNode } from '../core/node.ts';
import type { WorkerNetwork, WorkerService } from '../core/work.ts';
import type { Counters } from './counters.ts';

/**
 * Names of the Go nodes' metrics, for dashboards that exist: `b7s_*` of b7s, `allora_*` of the Allora inference base. What
 * they counted otherwise, such as commits to the chain, is not here.
 */

/** A head with the requests that it is sent. */
export function countedNode<T extends InferenceNode>(node: T, counters: Counters): T {
  return {
    ...node,
    execute(request, options) {
      counters.add('allora_head_node_total_requests');
      counters.add('b7s_node_function_executions', { function: request.functionId, consensus: request.consensus });
      return node.execute(request, options);
    },
  };
}

/** The workers of a head, with the roll calls that are published to them. */
export function countedNetwork(network: WorkerNetwork, counters: Counters): WorkerNetwork {
  return {
    ...network,
    rollCall(call, ...rest) {
      counters.add('b7s_node_rollcalls_published', { function: call.functionId });
      return network.rollCall(call, ...rest);
    },
  };
}

/** A worker: roll calls that it heard and those it said yes to, orders, and what came of them. */
export function countedWorker<T extends WorkerService>(worker: T, counters: Counters): T {
  return {
    ...worker,
    async rollCall(call, from) {
      counters.add('b7s_node_rollcalls_seen', { function: call.functionId });
      const said = await worker.rollCall(call, from);
      if (said?.code === '202') counters.add('b7s_node_rollcalls_applied', { function: call.functionId });
      return said;
    },
    async execute(order, from, signal) {
      const labels = { function: order.request.function_id ?? '' };
      counters.add('b7s_node_workorders', labels);
      const answer = await worker.execute(order, from, signal);
      counters.add('allora_node_total_operations');
      if (answer.outcome === null) return answer;
      counters.add('allora_worker_node_total_response');
      counters.add('b7s_executor_function_executions', labels);
      counters.add(`b7s_executor_function_executions_${answer.code === '200' ? 'ok' : 'err'}`, labels);
      return answer;
    },
  };
}
