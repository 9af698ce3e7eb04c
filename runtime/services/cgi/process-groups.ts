/** What only the process itself can do for its children; the command line provides it. */
export interface ProcessGroups {
  /** `PATH` that programs are looked up in and given. */
  readonly path: string;
  /** A variable of this process's own environment, for programs that the operator wants given it; `undefined`: not set. */
  variable(name: string): string | undefined;
  /** A variable that programs are started with, so that what they start can be told from all else; another each time. */
  mark(): readonly [name: string, value: string];
  /** Takes charge of a group until `forget`: it also ends when this process exits by itself. */
  adopt(leader: number, mark: readonly [name: string, value: string]): ProcessGroup;
}

export interface ProcessGroup {
  /** SIGKILL to every process in it; none left is no error. */
  kill(): void;
  /** SIGKILL to what left the group and can still be found. Never rejects. */
  killEscaped(): Promise<void>;
  /** From now on the number may belong to others. */
  forget(): void;
}
