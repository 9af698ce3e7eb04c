/** What workers print, held to a number of bytes: a head has no say in how much each of them answers. */
export interface OutputRoom {
  /** For the results of one request, until `close`. */
  open(): RequestRoom;
}

export interface RequestRoom {
  /** @returns why there is no room for so many bytes more; `null`: there is */
  take(bytes: number): string | null;
  close(): void;
}

export interface OutputRoomInit {
  /** Bytes of one request, and of all that are under way. */
  readonly ofOne: number;
  readonly ofAll: number;
}

export function createOutputRoom({ ofOne, ofAll }: OutputRoomInit): OutputRoom {
  let all = 0;
  return {
    open() {
      let own = 0;
      return {
        take(bytes) {
          if (own + bytes > ofOne) return `results of one request may have ${ofOne} bytes together`;
          // One alone is always taken.
          if (all > 0 && all + bytes > ofAll) return `results of requests under way hold ${all} bytes already`;
          own += bytes;
          all += bytes;
          return null;
        },
        close() {
          all -= own;
          own = 0;
        },
      };
    },
  };
}
