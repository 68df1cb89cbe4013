// Takes a snapshot stream in: verifies it, stages records and tables beside the live state, builds
// the index for them as they come (so that nothing long is left for the end), and swaps all of it at
// once when it is durable (corpus: restore-swap-then-fail).

import { Alarms } from "../alarm/alarms.ts";
import { ReplicatedAuth } from "../auth/replicated-auth.ts";
import type { Crc32 } from "../bytes/crc32.ts";
import type { SnapshotWriter } from "../contract.ts";
import type { EngineStage, Head } from "../engine/port.ts";
import { Leases } from "../lease/leases.ts";
import { PublishedMembers } from "../member/published-members.ts";
import { KeyIndex } from "../mvcc/key-index.ts";
import { SnapshotAssembler } from "./assembler.ts";
import { SnapshotDamaged, type SnapshotItem } from "./format.ts";

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

  const take = (item: SnapshotItem): void => {
    if (item.kind === "entry") {
      stage.put(item.table, item.key, item.value);
      if (item.table === Alarms.table) alarms.loadEntry(item.key);
      else if (item.table === PublishedMembers.table) members.loadEntry(item.key, item.value);
      else if (item.table === Leases.table) leases.loadEntry(item.key, item.value);
      else if (item.table === ReplicatedAuth.table) auth.loadEntry(item.key, item.value);
      else throw new SnapshotDamaged(`the snapshot has a table ${item.table} unknown here`);
      return;
    }
    const handle = stage.append(item.main, item.sub, item.record);
    index.load(item.main, item.sub, handle, item.record, 0, item.record.length);
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
