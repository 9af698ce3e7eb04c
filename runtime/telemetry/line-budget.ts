export interface LineBudgetInit {
  /** Lines that one subject may cause in a window. */
  readonly lines: number;
  /** Length of a window, in ms. */
  readonly windowMs: number;
  /** Subjects that are told apart; the one that was quiet for longest is forgotten first. Default 1 000. */
  readonly subjects?: number;
  /** In ms; for tests. */
  readonly now?: () => number;
}

interface Window {
  began: number;
  lines: number;
  left: number;
}

/**
 * Log lines that strangers cause, such as peers that send garbage: of each subject a few in a while. How many were left
 * out is told with its next line.
 * @returns writes a line about a subject, or counts it
 */
export function createLineBudget<Fields extends object>(
  write: (line: string, fields: Fields | { readonly leftOut: number }) => void,
  { lines, windowMs, subjects = 1_000, now = () => performance.now() }: LineBudgetInit,
): (subject: string, line: string, fields: Fields) => void {
  const windows = new Map<string, Window>();
  return (subject, line, fields) => {
    const known = windows.get(subject) ?? { began: now(), lines: 0, left: 0 };
    // Taken out and put back: the order of a map is the order of the last line.
    windows.delete(subject);
    windows.set(subject, known);
    if (windows.size > subjects) {
      const [oldest] = windows.keys();
      if (oldest !== undefined) windows.delete(oldest);
    }
    const leftOut = known.left;
    if (now() - known.began >= windowMs) Object.assign(known, { began: now(), lines: 0, left: 0 });
    if (known.lines >= lines) {
      known.left++;
      return;
    }
    known.lines++;
    write(line, known.lines === 1 && leftOut > 0 ? { ...fields, leftOut } : fields);
  };
}
