// Takes a snapshot stream in: verifies it, stages records and tables beside the live state, builds
// the index for them as they come (so that nothing long is left for the end), and swaps all of it at
// once when it is durable (corpus: restore-swap-then-fail).

import type { Crc32 } from "@althing/bytes";
import { Alarms } from "../alarm/alarms.ts";
import { ReplicatedAuth } from "../auth/replicated-auth.ts";
import type { Key, SnapshotWriter } from "../contract.ts";
import type { EngineStage, Head } from "../engine/port.ts";
import { Leases } from "../lease/leases.ts";
import { PublishedMembers } from "../member/published-members.ts";
import { KeyIndex } from "../mvcc/key-index.ts";
import { SnapshotAssembler } from "./assembler.ts";
import { SnapshotDamaged, type SnapshotItem, unreadable } from "./format.ts";

export interface RestoredState {
  readonly head: Head;
  readonly index: KeyIndex;
  readonly alarms: Alarms;
  readonly members: PublishedMembers;
  readonly leases: Leases;
  readonly auth: ReplicatedAuth;
}

export interface RestoreEvents {
  /** From here to `installed` nothing may be applied. */
  installing(): void;
  /** Undefined: it failed, and the old state stands. */
  installed(state: RestoredState | undefined): void;
}

export function beginRestore(
  stage: EngineStage,
  crc32: Crc32,
  events: RestoreEvents,
): SnapshotWriter {
  const index = new KeyIndex();
  const alarms = new Alarms();
  const members = new PublishedMembers();
  const leases = new Leases();
  const auth = new ReplicatedAuth();
  let state: "writing" | "finished" | "over" = "writing";
  let head: Head | undefined;

  const loadEntry = (table: string, key: Key, value: Uint8Array): void => {
    if (table === Alarms.table) alarms.loadEntry(key);
    else if (table === PublishedMembers.table) members.loadEntry(key, value);
    else if (table === Leases.table) leases.loadEntry(key, value);
    else if (table === ReplicatedAuth.table) auth.loadEntry(key, value);
    else throw new SnapshotDamaged(`the snapshot has a table ${table} unknown here`);
  };
  // A checksum says that nobody changed an item on the way, not that it ever was one: what the state's own
  // readers refuse, each in its words, is a damaged snapshot.
  const take = (item: SnapshotItem): void => {
    if (item.kind === "entry") {
      const { table, key, value } = item;
      try {
        loadEntry(table, key, value);
      } catch (cause) {
        throw cause instanceof SnapshotDamaged ? cause : unreadable(item, cause);
      }
      stage.put(table, key, value);
      return;
    }
    const handle = stage.append(item.main, item.sub, item.record);
    try {
      index.load(item.main, item.sub, handle, item.record, 0, item.record.length);
    } catch (cause) {
      throw unreadable(item, cause);
    }
  };
  const assembler = new SnapshotAssembler(take, crc32);

  return {
    write(chunk) {
      if (state !== "writing") throw new Error("the snapshot is finished already");
      assembler.write(chunk);
    },
    flush(done) {
      if (state === "over") done(undefined);
      else stage.flush(done);
    },
    finish() {
      head = assembler.finish();
      state = "finished";
      return head.point;
    },
    install(done) {
      if (state !== "finished" || head === undefined) throw new Error("install before finish");
      state = "over";
      const restored = { head, index, alarms, members, leases, auth };
      events.installing();
      stage.install(head, (error) => {
        events.installed(error === undefined ? restored : undefined);
        done(error);
      });
    },
    abort() {
      if (state !== "over") stage.abort();
      state = "over";
    },
  };
}
