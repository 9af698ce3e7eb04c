import type { Cause } from '../../core/execution.ts';
import type { Limits } from '../../core/limits.ts';

/** What a text or JSON has to be like. All that are given have to hold. */
export interface TextExpectation {
  readonly exact?: string;
  readonly contains?: readonly string[];
  readonly matches?: RegExp;
  /** JSON that the actual value must have in it; `undefined`: nothing is said. */
  readonly json?: unknown;
}

/** One request a mocked upstream expects, and its answer. */
export interface MockedExchange {
  readonly request: {
    readonly method?: string;
    /** Path without query. */
    readonly path?: string;
    readonly query?: Readonly<Record<string, string>>;
    /** By lower-case name. */
    readonly headers?: Readonly<Record<string, TextExpectation>>;
    readonly body?: TextExpectation;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
    readonly delayMs: number;
    /** Close the connection instead of answering. */
    readonly drop: boolean;
  };
  /** How often it has to be asked; `null`: any number, none included. */
  readonly times: number | null;
}

/** One test of a function: what it is given and what has to come of it. */
export interface FunctionTest {
  readonly name: string;
  /** `FILE:LINE`, for reports. */
  readonly at: string;
  readonly args: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly stdin: Uint8Array;
  /** Module file, `#EXPORT`, or both; empty for the function as it is. */
  readonly method: string;
  /** URL prefixes the operator allows, as `exec --allow`. */
  readonly allow: readonly string[];
  /** Permission lines of the request; `null` narrows nothing. */
  readonly permissions: readonly string[] | null;
  readonly limits: Partial<Limits>;
  /** Upstream name → what it is asked, and answers. */
  readonly upstreams: ReadonlyMap<string, readonly MockedExchange[]>;
  readonly expect: {
    readonly stdout?: TextExpectation;
    readonly stderr?: TextExpectation;
    readonly exitCode: number;
    readonly cause: Cause;
  };
  /** Why it is not run; `null` when it is. */
  readonly skip: string | null;
}

/** The tests of one file. */
export interface FunctionTestFile {
  /** As it is shown. */
  readonly file: string;
  /** Path of the module they are about, absolute; `null`: what the folder builds. */
  readonly module: string | null;
  readonly tests: readonly FunctionTest[];
}
