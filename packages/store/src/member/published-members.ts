// What the members told the cluster about themselves: names, addresses, the identity of their disks.
// A later word replaces an earlier one; who may speak as whom is settled at the handshake.

import { decodeCommand } from "../command/decode.ts";
import { encodeCommand } from "../command/encode.ts";
import type { Key, PublishMemberCommand, RemoveMemberCommand } from "../contract.ts";
import type { Engine, EngineWriter } from "../engine/port.ts";

const table = "member";

export class PublishedMembers {
  static readonly table = table;
  readonly #members = new Map<string, PublishMemberCommand>();

  static load(engine: Pick<Engine, "entries">): PublishedMembers {
    const members = new PublishedMembers();
    for (const [key, value] of engine.entries(table)) members.loadEntry(key, value);
    return members;
  }

  loadEntry(key: Key, value: Uint8Array): void {
    const command = decodeCommand(value);
    if (command?.kind !== "publishMember") throw new Error(`member ${key} cannot be read`);
    this.#members.set(key, command);
  }

  /** Sorted by id. */
  list(): PublishMemberCommand[] {
    return [...this.#members.keys()].sort().map((id) => this.#members.get(id)!);
  }

  publish(engine: EngineWriter, command: PublishMemberCommand): void {
    this.#members.set(command.member, command);
    engine.put(table, command.member, encodeCommand(command));
  }

  /** Whether the member was known. */
  remove(engine: Pick<Engine, "delete">, command: RemoveMemberCommand): boolean {
    if (!this.#members.delete(command.member)) return false;
    engine.delete(table, command.member);
    return true;
  }
}
