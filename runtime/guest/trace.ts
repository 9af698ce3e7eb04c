import { type HostCallTrace, MAX_TRACED_CALLS } from '../core/host-call-trace.ts';
import type { HostCall } from '../core/host-calls.ts';
import type { HostCallHandler } from './host.ts';
import type { GuestMemory } from './memory.ts';

const MAX_DETAIL = 200;

type Traced = { -readonly [Key in keyof HostCallTrace]: HostCallTrace[Key] };

/** Calls whose first two arguments are the text they are about. */
const TOLD_BY_TEXT: ReadonlySet<string> = new Set(['http_req', 'cgi_open']);
/** Calls whose first argument is a descriptor or handle. */
const TOLD_BY_NUMBER = /^(?:fd_|http_read|http_close|cgi_.*(?:read|write|close)|proc_exit|sock_)/;
/** Calls whose third and fourth argument, or those after flags, are a path. */
const PATH_AT: Readonly<Record<string, number>> = {
  path_open: 2,
  path_filestat_get: 2,
  path_create_directory: 1,
  path_remove_directory: 1,
  path_unlink_file: 1,
  path_readlink: 1,
};

/** Records the host calls of one execution. Only executions that are traced have one: the rest pay nothing. */
export class CallTrace {
  readonly calls: HostCallTrace[] = [];
  readonly #startedAt = performance.now();

  /**
   * The same handler, recorded. What it throws passes through.
   * @param handler called as before, with the same arguments
   * @param memory of the instance that calls
   */
  wrap(call: HostCall, handler: HostCallHandler, memory: GuestMemory): HostCallHandler {
    return (...args: never[]) => {
      if (this.calls.length >= MAX_TRACED_CALLS) return handler(...args);
      const detail = detailOf(call, args, memory);
      const before = memory.touched;
      const began = performance.now();
      const entry: Traced = {
        call: `${call.module}.${call.name}`,
        detail,
        atMs: began - this.#startedAt,
        ms: 0,
        result: null,
        bytes: 0,
      };
      this.calls.push(entry);
      const over = (result: number | null): void => {
        entry.ms = performance.now() - began;
        entry.result = result;
        entry.bytes = memory.touched - before;
      };
      const result = handler(...args);
      if (result instanceof Promise) {
        result.then(over, () => over(null));
        return result;
      }
      // Of those that return nothing: it did return.
      over(result ?? 0);
      return result;
    };
  }
}

function detailOf({ name }: HostCall, args: readonly number[], memory: GuestMemory): string {
  const [first = 0, second = 0] = args;
  if (TOLD_BY_TEXT.has(name)) return textAt(memory, first, second);
  const at = Object.hasOwn(PATH_AT, name) ? PATH_AT[name] : undefined;
  if (at !== undefined) return textAt(memory, args[at] ?? 0, args[at + 1] ?? 0);
  return TOLD_BY_NUMBER.test(name) ? String(first) : '';
}

/** What a guest points at may be anything. */
function textAt(memory: GuestMemory, pointer: number, length: number): string {
  const before = memory.touched;
  try {
    const text = memory.text(pointer, Math.min(length >>> 0, MAX_DETAIL));
    return text.replace(/[\p{Cc}\p{Cf}]/gu, '\uFFFD');
  } catch {
    return '';
  } finally {
    // Looking is free: fuel must be the same with a trace as without.
    memory.touched = before;
  }
}
