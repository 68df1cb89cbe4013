// A bank as a state machine: accounts, and transfers that are made once, however often they are asked for.
// Whoever asks names the transfer, so that one whose outcome was lost on the way can be asked for again.
// Seen by `bank-replicate.ts`, which runs it, and `bank-simulate.ts`, which tries to break it.

import type { Machine } from "althing";

export type BankCommand =
  | { readonly kind: "open"; readonly account: string; readonly deposit: number }
  | {
      readonly kind: "transfer";
      readonly id: string;
      readonly from: string;
      readonly to: string;
      readonly amount: number;
    };

export type BankResult =
  | "done"
  | "done before"
  | "account exists"
  | "no such account"
  | "not enough";

interface Books {
  readonly accounts: Readonly<Record<string, number>>;
  readonly transfers: readonly string[];
  readonly deposited: number;
}

export class Bank implements Machine<BankCommand, BankResult, Books> {
  readonly accounts = new Map<string, number>();
  /** Those that were made. A bank that lasts forgets them after a while, by `context.timeMs`. */
  readonly transfers = new Set<string>();
  deposited = 0;

  apply(command: BankCommand): BankResult {
    return command.kind === "open" ? this.#open(command) : this.#transfer(command);
  }

  /** What must hold at every moment: money is neither made nor lost, and nobody owes. */
  fault(): string | undefined {
    let sum = 0;
    for (const [account, balance] of this.accounts) {
      if (balance < 0) return `${account} owes ${-balance}`;
      sum += balance;
    }
    return sum === this.deposited
      ? undefined
      : `${sum} is in the bank, ${this.deposited} was put in`;
  }

  snapshot(): Books {
    const { deposited } = this;
    return {
      accounts: Object.fromEntries(this.accounts),
      transfers: [...this.transfers],
      deposited,
    };
  }

  restore({ accounts, transfers, deposited }: Books): void {
    this.accounts.clear();
    for (const [account, balance] of Object.entries(accounts)) this.accounts.set(account, balance);
    this.transfers.clear();
    for (const id of transfers) this.transfers.add(id);
    this.deposited = deposited;
  }

  #open({ account, deposit }: Extract<BankCommand, { kind: "open" }>): BankResult {
    if (this.accounts.has(account)) return "account exists";
    this.accounts.set(account, deposit);
    this.deposited += deposit;
    return "done";
  }

  #transfer({ id, from, to, amount }: Extract<BankCommand, { kind: "transfer" }>): BankResult {
    if (this.transfers.has(id)) return "done before";
    const balance = this.accounts.get(from);
    if (balance === undefined || !this.accounts.has(to)) return "no such account";
    if (balance < amount) return "not enough";
    this.transfers.add(id);
    this.accounts.set(from, balance - amount);
    // Read after the write: who pays himself has what he had.
    this.accounts.set(to, this.accounts.get(to)! + amount);
    return "done";
  }
}
