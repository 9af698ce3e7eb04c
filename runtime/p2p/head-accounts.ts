/** What a worker has under way for each head, so that one of them cannot fill its memory. */
export interface HeadAccounts {
  /** Takes a roll call or an install order in. @returns what to call when it is answered; `null`: too many are not */
  hear(head: string): (() => void) | null;
  /** Takes an order in; its signal aborts when the head goes. @returns `null`: too many are in work */
  order(head: string): { readonly signal: AbortSignal; over(): void } | null;
  /** Takes an answer that is about to leave. @returns what to call when it has left; `null`: the head takes too little */
  send(head: string, bytes: number): (() => void) | null;
  /** Ends the orders of a head, or of all. */
  gone(head?: string): void;
}

/** Questions of one head that are not answered yet. */
const MAX_HEARD = 1_024;
/** Orders of one head in work; the worker itself says "busy" long before. */
const MAX_ORDERS = 8_192;
/** Answers that wait for one head to take them, in bytes; one alone is always sent. */
const MAX_SENDING = 64 * 1_048_576;

interface Account {
  heard: number;
  sending: number;
  readonly orders: Set<AbortController>;
}

/** Accounts of one worker; those with nothing under way are forgotten. */
export function createHeadAccounts(): HeadAccounts {
  const accounts = new Map<string, Account>();

  function open(head: string): Account {
    const account = accounts.get(head) ?? { heard: 0, sending: 0, orders: new Set() };
    accounts.set(head, account);
    return account;
  }

  function settle(head: string, account: Account): void {
    const open = account.heard > 0 || account.sending > 0 || account.orders.size > 0;
    if (!open && accounts.get(head) === account) accounts.delete(head);
  }

  return {
    hear(head) {
      const account = open(head);
      if (account.heard >= MAX_HEARD) return null;
      account.heard++;
      return () => {
        account.heard--;
        settle(head, account);
      };
    },
    order(head) {
      const account = open(head);
      if (account.orders.size >= MAX_ORDERS) return null;
      const controller = new AbortController();
      account.orders.add(controller);
      return {
        signal: controller.signal,
        over() {
          account.orders.delete(controller);
          settle(head, account);
        },
      };
    },
    send(head, bytes) {
      const account = open(head);
      if (account.sending > 0 && account.sending + bytes > MAX_SENDING) return null;
      account.sending += bytes;
      return () => {
        account.sending -= bytes;
        settle(head, account);
      };
    },
    gone(head) {
      for (const [name, { orders }] of accounts) {
        if (head !== undefined && name !== head) continue;
        for (const controller of [...orders]) controller.abort();
      }
    },
  };
}
