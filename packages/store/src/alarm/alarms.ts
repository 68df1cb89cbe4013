// Alarms that members raised, and what they forbid. Any member's alarm binds the whole cluster.

import type { AlarmCommand, AlarmKind, Command, Key, StoreErrorCode } from "../contract.ts";
import type { Engine, EngineWriter } from "../engine/port.ts";
import { mayPut } from "../txn/txn.ts";

export interface Alarm {
  readonly member: string;
  readonly alarm: AlarmKind;
}

const table = "alarm";
const kinds: readonly AlarmKind[] = ["nospace", "corrupt"];
const noValue = new Uint8Array(0);

export class Alarms {
  readonly #raised = new Map<Key, Alarm>();

  static load(engine: Pick<Engine, "entries">): Alarms {
    const alarms = new Alarms();
    for (const [key] of engine.entries(table)) alarms.loadEntry(key);
    return alarms;
  }

  static readonly table = table;

  loadEntry(key: Key): void {
    const [alarm, ...member] = key.split("/");
    const kind = kinds.find((known) => known === alarm);
    if (kind === undefined) throw new Error(`the store holds an unknown alarm ${alarm}`);
    this.#raised.set(key, { alarm: kind, member: member.join("/") });
  }

  /** Sorted by kind, then member. */
  list(): Alarm[] {
    return [...this.#raised.keys()].sort().map((key) => this.#raised.get(key)!);
  }

  get active(): boolean {
    return this.#raised.size > 0;
  }

  isActive(alarm: AlarmKind): boolean {
    for (const raised of this.#raised.values()) if (raised.alarm === alarm) return true;
    return false;
  }

  /** Whether anything changed. */
  apply(engine: Pick<Engine, "delete"> & EngineWriter, command: AlarmCommand): boolean {
    const key = `${command.alarm}/${command.member}`;
    if (this.#raised.has(key) === (command.action === "activate")) return false;
    if (command.action === "activate") {
      this.#raised.set(key, { alarm: command.alarm, member: command.member });
      engine.put(table, key, noValue);
    } else {
      this.#raised.delete(key);
      engine.delete(table, key);
    }
    return true;
  }

  /** Why the command may not run now. Administration always may: it is how an alarm ends. */
  refuses(command: Command): StoreErrorCode | undefined {
    if (this.#raised.size === 0) return undefined;
    switch (command.kind) {
      case "put":
      case "leaseGrant":
        return this.isActive("corrupt") ? "corrupt" : "noSpace";
      case "txn":
        if (this.isActive("corrupt")) return "corrupt";
        return mayPut(command) ? "noSpace" : undefined;
      case "deleteRange":
      case "compact":
      case "leaseRevoke":
        return this.isActive("corrupt") ? "corrupt" : undefined;
      case "alarm":
      case "publishMember":
      case "removeMember":
      case "leaseCheckpoint":
      case "auth":
        return undefined;
    }
  }
}
