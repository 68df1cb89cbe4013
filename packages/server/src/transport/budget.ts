// How much memory visitors may make this member hold. The process, each address and each connection have an
// account, one within the other, and everything that is kept for a visitor is charged to all three. While
// there is room anybody may use it. Once an account is full, each of those within it is entitled to an equal
// share: one that asks within its share gets it from whoever holds most there, one beyond it is refused. So
// that nobody, however much it holds or asks, takes from others what they need for a health check.

export interface BudgetLimits {
  readonly processBytes: number;
  readonly addressBytes: number;
  readonly connectionBytes: number;
}

/** What a process holds for its clients: one address may have three quarters of it, one connection half. */
export function limitsOf(processBytes: number): BudgetLimits {
  return {
    processBytes,
    addressBytes: Math.floor(processBytes * 0.75),
    connectionBytes: Math.floor(processBytes * 0.5),
  };
}

export const processBytesDefault = 1024 * 1024 * 1024;

/** What may be charged: a connection, a call, an answer in pieces. */
export interface Chargeable {
  /** False: there is no room. Nothing is charged then, and what it was for is to be refused. */
  charge(bytes: number): boolean;
  release(bytes: number): void;
}

/** Lets go of something at once, of `bytes` if it can, and tells its visitor so with a code. */
export type Shed = (bytes: number) => void;

/** What was charged for one piece of work, so that all of it is released whoever forgets what. */
export class Tally implements Chargeable {
  bytes = 0;
  private readonly account: Chargeable;

  constructor(account: Chargeable) {
    this.account = account;
  }

  charge(bytes: number): boolean {
    if (!this.account.charge(bytes)) return false;
    this.bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    const released = Math.min(bytes, this.bytes);
    this.bytes -= released;
    this.account.release(released);
  }

  clear(): void {
    this.release(this.bytes);
  }
}

export class MemoryBudget {
  /** Charges that were refused, and visitors that had to give something back. */
  refused = 0;
  shed = 0;
  private readonly limits: BudgetLimits;
  private readonly process: Account;
  private readonly addresses = new Map<string, Account>();

  constructor(limits: BudgetLimits) {
    this.limits = limits;
    this.process = new Account(this, undefined, limits.processBytes);
  }

  get usedBytes(): number {
    return this.process.usedBytes;
  }

  get limitBytes(): number {
    return this.limits.processBytes;
  }

  usedBytesOf(address: string): number {
    return this.addresses.get(address)?.usedBytes ?? 0;
  }

  /** The account of a connection, to be closed with it. */
  open(address: string, shed: Shed): Account {
    let parent = this.addresses.get(address);
    if (parent === undefined) {
      parent = new Account(this, this.process, this.limits.addressBytes, () => {
        this.addresses.delete(address);
      });
      this.addresses.set(address, parent);
    }
    const account = new Account(this, parent, this.limits.connectionBytes);
    account.onShed = shed;
    return account;
  }
}

export class Account implements Chargeable {
  usedBytes = 0;
  /** Of a connection: what to do when others are entitled to what it holds. */
  onShed: Shed | undefined;
  private readonly budget: MemoryBudget;
  private readonly parent: Account | undefined;
  private readonly limitBytes: number;
  private readonly emptied: (() => void) | undefined;
  private readonly children = new Set<Account>();
  private isClosed = false;
  private isOverdrawn = false;

  constructor(
    budget: MemoryBudget,
    parent: Account | undefined,
    limitBytes: number,
    emptied?: () => void,
  ) {
    this.budget = budget;
    this.parent = parent;
    this.limitBytes = limitBytes;
    this.emptied = emptied;
    parent?.children.add(this);
  }

  charge(bytes: number): boolean {
    if (this.isClosed) return false;
    for (let at: Account | undefined = this; at !== undefined; at = at.parent) {
      if (at.usedBytes + bytes <= at.limitBytes) continue;
      if (this.isEntitled(bytes) && this.makeRoom(bytes)) break;
      this.budget.refused++;
      return false;
    }
    this.add(bytes);
    return true;
  }

  /** Charges what cannot be refused any more. Beyond a limit somebody gives something back soon. */
  take(bytes: number): void {
    if (this.isClosed) return;
    this.add(bytes);
    for (let at: Account | undefined = this; at !== undefined; at = at.parent) {
      if (at.usedBytes <= at.limitBytes || at.isOverdrawn) continue;
      const overdrawn = at;
      at.isOverdrawn = true;
      // Not now: who takes may be the one that has to give, and in the middle of something.
      setImmediate(() => overdrawn.settle());
    }
  }

  release(bytes: number): void {
    if (!this.isClosed) this.add(-bytes);
  }

  /** Releases everything. What is charged or released later does nothing. */
  close(): void {
    if (this.isClosed) return;
    this.add(-this.usedBytes);
    this.isClosed = true;
    const { parent } = this;
    if (parent === undefined) return;
    parent.children.delete(this);
    if (parent.children.size > 0 || parent.emptied === undefined) return;
    parent.emptied();
    parent.close();
  }

  private add(bytes: number): void {
    for (let at: Account | undefined = this; at !== undefined; at = at.parent) {
      at.usedBytes += bytes;
    }
  }

  /** Where there is no room, it holds less than its share. */
  private isEntitled(bytes: number): boolean {
    if (this.usedBytes + bytes > this.limitBytes) return false;
    for (let at: Account = this; at.parent !== undefined; at = at.parent) {
      const { usedBytes, limitBytes, children } = at.parent;
      if (usedBytes + bytes <= limitBytes) continue;
      if (at.usedBytes + bytes > limitBytes / children.size) return false;
    }
    return true;
  }

  private makeRoom(bytes: number): boolean {
    for (let at: Account | undefined = this.parent; at !== undefined; at = at.parent) {
      if (!at.give(bytes)) return false;
    }
    return !this.isClosed;
  }

  /** False: nobody could be made to. */
  private give(bytes: number): boolean {
    while (this.usedBytes + bytes > this.limitBytes) {
      const before = this.usedBytes;
      const heaviest = this.heaviest();
      this.budget.shed++;
      heaviest.onShed?.(before + bytes - this.limitBytes);
      if (this.usedBytes >= before) return false;
    }
    return true;
  }

  private settle(): void {
    this.isOverdrawn = false;
    if (!this.isClosed) this.give(0);
  }

  /** The connection that holds most, of the address that does. */
  private heaviest(): Account {
    let heaviest: Account | undefined;
    for (const child of this.children) {
      if (heaviest === undefined || child.usedBytes > heaviest.usedBytes) heaviest = child;
    }
    return heaviest?.heaviest() ?? this;
  }
}
