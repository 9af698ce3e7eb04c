import { hash } from 'node:crypto';
import { responseSignatureFlaw } from '../../wire/messages/signed-messages.ts';
import type { ExecuteResponseMessage } from '../../wire/messages/work-answer.ts';

/** What came of the request of a cluster, as its primary knows it. */
export interface Summary {
  /** Members, and those that reported. */
  readonly members: number;
  readonly reported: number;
  /** Members whose result is the one that most have. */
  readonly same: number;
  /** How many reported which code. */
  readonly codes: Readonly<Record<string, number>>;
  /** base58 peer ids of those that did not. */
  readonly missing: readonly string[];
}

/**
 * Gathers what the members of a cluster report to its primary, as nodes of `a` do: there the head hears nothing of it. Theirs
 * wait for all, for ever; here the others are not waited for longer than an execution may take.
 */
export interface Leader {
  /** A member reports; the first report of each counts. @throws Error that says why a report does not count */
  report(message: ExecuteResponseMessage, from: string): void;
  /** Everybody has had the time to report. */
  readonly summary: Summary;
  readonly complete: boolean;
}

interface Report {
  readonly code: string;
  /** SHA-256 of the output; `null`: it never ran. */
  readonly output: string | null;
}

export function createLeader(members: readonly string[]): Leader {
  const reports = new Map<string, Report>();
  return {
    report(message, from) {
      if (!members.includes(from)) throw new Error('it is no member of the cluster');
      if (reports.has(from)) throw new Error('it has reported already');
      const flaw = responseSignatureFlaw(message, from, 'a');
      if (flaw !== null) throw new Error(flaw);
      const { results = {}, code = '' } = message;
      const result = Object.hasOwn(results, from) ? results[from] : undefined;
      const { stdout = '', stderr = '', exit_code = 0 } = result?.result ?? {};
      const ran = result !== undefined && (result.code ?? '') !== '';
      reports.set(from, {
        code: /^\d{3}$/.test(code) ? code : '500',
        output: ran ? hash('sha256', JSON.stringify([stdout, stderr, exit_code])) : null,
      });
    },
    get complete() {
      return reports.size === members.length;
    },
    get summary() {
      const codes: Record<string, number> = {};
      const outputs = new Map<string, number>();
      for (const { code, output } of reports.values()) {
        codes[code] = (codes[code] ?? 0) + 1;
        if (output !== null) outputs.set(output, (outputs.get(output) ?? 0) + 1);
      }
      return {
        members: members.length,
        reported: reports.size,
        same: Math.max(0, ...outputs.values()),
        codes,
        missing: members.filter((peerId) => !reports.has(peerId)),
      };
    },
  };
}
