// What is under way on each machine, of the things that a crash interrupts worst. Those who aim crashes wait
// for one of these windows to open; how many crashes fell into each is counted.

export const windowKinds = [
  /** A snapshot arrives and is staged. */
  "receiving",
  /** It was asked for, and store and log are not both what it says. */
  "installing",
  /** A snapshot is read for somebody. */
  "sending",
  /** The end of the log is being dropped. */
  "truncating",
  /** The beginning of the log is being dropped: what it held is in the store. */
  "shortening",
  /** The membership in the log is joint. */
  "joint",
  /** Leadership is handed over from here, or to here. */
  "transfer",
  /** A leader is new, and an older one's lease may not have ended. */
  "handover",
] as const;
export type WindowKind = (typeof windowKinds)[number];

export class Windows {
  readonly #open = new Map<number, Map<WindowKind, number>>();
  readonly #listeners = new Set<(machine: number, kind: WindowKind) => void>();
  readonly opened = new Map<WindowKind, number>();
  /** Crashes inside each. */
  readonly struck = new Map<WindowKind, number>();

  onOpened(listener: (machine: number, kind: WindowKind) => void): void {
    this.#listeners.add(listener);
  }

  isOpen(machine: number, kind: WindowKind): boolean {
    return (this.#open.get(machine)?.get(kind) ?? 0) > 0;
  }

  /** Several of a kind may be open at once. */
  open(machine: number, kind: WindowKind): void {
    let own = this.#open.get(machine);
    if (own === undefined) {
      own = new Map();
      this.#open.set(machine, own);
    }
    own.set(kind, (own.get(kind) ?? 0) + 1);
    this.opened.set(kind, (this.opened.get(kind) ?? 0) + 1);
    for (const listener of this.#listeners) listener(machine, kind);
  }

  close(machine: number, kind: WindowKind): void {
    const own = this.#open.get(machine);
    const count = own?.get(kind) ?? 0;
    if (count > 0) own?.set(kind, count - 1);
  }

  closeAll(machine: number, kind: WindowKind): void {
    this.#open.get(machine)?.delete(kind);
  }

  counts(): Record<string, { readonly opened: number; readonly struck: number }> {
    return Object.fromEntries(
      windowKinds.flatMap((kind) => {
        const opened = this.opened.get(kind) ?? 0;
        return opened === 0 ? [] : [[kind, { opened, struck: this.struck.get(kind) ?? 0 }]];
      }),
    );
  }

  /** The process is gone, and with it all that was under way. */
  crashed(machine: number): void {
    for (const [kind, count] of this.#open.get(machine) ?? []) {
      if (count > 0) this.struck.set(kind, (this.struck.get(kind) ?? 0) + 1);
    }
    this.#open.delete(machine);
  }
}
