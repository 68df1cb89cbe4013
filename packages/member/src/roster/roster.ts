// The roster: who the members say they are. It is the member's own replicated state, in entries of its own
// kind and in the meta of the state's point, so that any state machine keeps it without knowing. One that
// has it among its own tables (the key-value store, whose directories and logs are older than this place)
// goes on to keep it: then a change is a command like any other.

import { crc32 } from "@althing/bytes";
import type { MemberId } from "@althing/consensus";
import { decodePointMeta } from "../point-meta.ts";
import {
  decodeRosterChange,
  encodeRosterChange,
  type MemberRecord,
  type RosterChange,
} from "./records.ts";

/** A roster that the state machine keeps. */
export interface KeptRoster {
  /** As applied; sorted by id. */
  members(): readonly MemberRecord[];
  encode(change: RosterChange): Uint8Array;
  /** Asked of every command that is applied. Undefined: it changes no roster. */
  decode(command: Uint8Array): RosterChange | undefined;
}

export class Roster {
  readonly #kept: KeptRoster | undefined;
  readonly #records = new Map<MemberId, MemberRecord>();
  #hash = 0;

  /** `meta` of the state's point. */
  constructor(kept: KeptRoster | undefined, meta: Uint8Array) {
    this.#kept = kept;
    this.reset(meta);
  }

  /** By the state machine: its changes are commands. */
  get isKept(): boolean {
    return this.#kept !== undefined;
  }

  /** Sorted by id. */
  members(): readonly MemberRecord[] {
    return this.#kept === undefined ? this.own() : this.#kept.members();
  }

  /** What goes into the meta of the point. */
  own(): readonly MemberRecord[] {
    return [...this.#records.keys()].sort().map((id) => this.#records.get(id)!);
  }

  /** Of what is in the meta: it is compared between members together with the state's own hash. */
  get hash(): number {
    return this.#hash;
  }

  encode(change: RosterChange): Uint8Array {
    return this.#kept === undefined ? encodeRosterChange(change) : this.#kept.encode(change);
  }

  /** Undefined: no change of a roster, or one of a later version. */
  decode(bytes: Uint8Array): RosterChange | undefined {
    return this.#kept === undefined ? decodeRosterChange(bytes) : this.#kept.decode(bytes);
  }

  /** Unless the state machine keeps it. */
  apply(change: RosterChange): void {
    if (change.kind === "removeMember") this.#records.delete(change.member);
    else {
      const { kind: _, ...record } = change;
      this.#records.set(change.member, record);
    }
    this.#rehash();
  }

  /** A snapshot took the place of the state. */
  reset(meta: Uint8Array): void {
    this.#records.clear();
    for (const record of decodePointMeta(meta)?.roster ?? []) {
      this.#records.set(record.member, record);
    }
    this.#rehash();
  }

  #rehash(): void {
    this.#hash = 0;
    for (const record of this.own()) {
      this.#hash = crc32(encodeRosterChange({ kind: "publishMember", ...record }), this.#hash);
    }
  }
}
