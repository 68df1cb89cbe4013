// The account of what of a log is on its way to the disk.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import type { Effect, Entry, Index } from "../contract.ts";
import { Entries } from "../entries/entries.ts";
import {
  createLogOutbox,
  forgetLog,
  forgetWrites,
  type LogOutbox,
  takePersist,
  writesDone,
} from "./log-writes.ts";
import { sendAfterDisk } from "./outbox.ts";

interface Member {
  readonly outbox: LogOutbox<string, number>;
  readonly log: Entries;
  commitIndex: Index;
  durableIndex: Index;
  installing: unknown;
}

function member(): Member {
  const outbox = createLogOutbox<string, number>(1, 0, 0, true);
  return {
    outbox,
    log: new Entries(0, 0, []),
    commitIndex: 0,
    durableIndex: 0,
    installing: undefined,
  };
}

function entry(index: Index, epoch = 1): Entry {
  return { index, epoch, proposer: "", kind: "command", payload: new Uint8Array(0) };
}

function persist(self: Member, state = 0): Effect<string, number>[] {
  const effects: Effect<string, number>[] = [];
  takePersist(self, effects, state);
  return effects;
}

test("an entry that was replaced while it was written is not durable when that write is done", () => {
  const self = member();
  self.log.append(entry(1));
  self.log.append(entry(2));
  persist(self);
  self.log.truncateFrom(2);
  forgetWrites(self, 2);
  self.log.append(entry(2, 2));
  const [second] = persist(self);
  const truncated = second?.kind === "persist" ? [second.truncateFrom, second.entries] : [];
  deepEqual(truncated, [2, [entry(2, 2)]]);
  writesDone(self, 1);
  equal(self.durableIndex, 1);
  writesDone(self, 2);
  equal(self.durableIndex, 2);
});

test("what is written before a snapshot takes the place of the log counts for nothing", () => {
  const self = member();
  self.log.append(entry(1));
  persist(self);
  self.log.reset(5, 3);
  forgetLog(self, 5);
  writesDone(self, 1);
  equal(self.durableIndex, 0);
  self.log.append(entry(6, 3));
  const [effect] = persist(self);
  deepEqual(effect?.kind === "persist" && effect.entries, [entry(6, 3)]);
});

test("a message waits for what is under way, and for nothing when nothing is", () => {
  const self = member();
  sendAfterDisk(self, "b", "at once");
  deepEqual(persist(self), [{ kind: "send", to: "b", message: "at once" }]);
  self.log.append(entry(1));
  persist(self);
  sendAfterDisk(self, "b", "behind it");
  const thenSend = [{ to: "b", message: "behind it" }];
  deepEqual(persist(self), [{ kind: "persist", sequence: 2, entries: [], thenSend }]);
});

test("the commit index is written along with something else, never for its own sake", () => {
  const self = member();
  self.commitIndex = 1;
  deepEqual(persist(self, 7), []);
  self.log.append(entry(1));
  const [effect] = persist(self, 7);
  equal(effect?.kind === "persist" && effect.state, 7);
  self.log.append(entry(2));
  const [next] = persist(self, 8);
  equal(next?.kind === "persist" && "state" in next, false);
});

test("the state that is on disk is that of the last write that is done", () => {
  const self = member();
  self.outbox.stateChanged = true;
  persist(self, 3);
  self.outbox.stateChanged = true;
  persist(self, 4);
  equal(writesDone(self, 0), undefined);
  equal(writesDone(self, 1), 3);
  equal(writesDone(self, 2), 4);
});
