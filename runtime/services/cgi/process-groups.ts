/** What only the process itself can do for its children; the command line provides it. */
export interface ProcessGroups {
  /** `PATH` that programs are looked up in and given. */
  readonly path: string;
  /** Takes charge of a group until `forget`: it also ends when this process exits by itself. */
  adopt(leader: number): ProcessGroup;
}

export interface ProcessGroup {
  /** SIGKILL to every process in it; none left is no error. */
  kill(): void;
  /** From now on the number may belong to others. */
  forget(): void;
}
