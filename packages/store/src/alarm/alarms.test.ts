import assert from "node:assert/strict";
import { test } from "node:test";
import type { AlarmCommand, Command } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { openStore } from "../store.ts";
import { del, put, range, txn } from "../testing/commands.ts";
import { applyAll, applyOne } from "../testing/driver.ts";

const commands: Record<string, Command> = {
  put: put("k"),
  delete: del("k"),
  "txn that reads": txn([], [range("k")]),
  "txn that deletes": txn([], [del("k")]),
  "txn with a put not taken": txn([], [], [put("k")]),
  "txn with a nested put": txn([], [txn([], [], [put("k")])]),
  compact: { kind: "compact", revision: 1 },
};

function alarm(kind: "nospace" | "corrupt", action: AlarmCommand["action"]): AlarmCommand {
  return { kind: "alarm", action, member: "m", alarm: kind };
}

function outcomes(raised: readonly AlarmCommand[]): Record<string, string> {
  const entries = Object.entries(commands).map(([name, command]) => {
    const store = openStore({ engine: createMemoryEngine() });
    applyAll(store, raised);
    const result = applyOne(store, command);
    return [name, result.kind === "error" ? result.code : "done"];
  });
  return Object.fromEntries(entries);
}

test("an alarm forbids what etcd forbids, and nothing once it is gone", () => {
  assert.deepEqual(outcomes([alarm("nospace", "activate")]), {
    put: "noSpace",
    delete: "done",
    "txn that reads": "done",
    "txn that deletes": "done",
    "txn with a put not taken": "noSpace",
    "txn with a nested put": "noSpace",
    compact: "done",
  });
  assert.deepEqual(
    new Set(Object.values(outcomes([alarm("corrupt", "activate")]))),
    new Set(["corrupt"]),
  );
  const ended = outcomes([alarm("nospace", "activate"), alarm("nospace", "deactivate")]);
  assert.deepEqual(new Set(Object.values(ended)), new Set(["done"]));
});

test("an alarm raised twice is one, and one of another member is another", () => {
  const store = openStore({ engine: createMemoryEngine() });
  applyAll(store, [alarm("nospace", "activate"), alarm("nospace", "activate")]);
  const hash = store.stateHash().hash;
  applyOne(store, { ...alarm("nospace", "deactivate"), member: "0" });
  assert.deepEqual(store.alarms(), [{ member: "m", alarm: "nospace" }]);
  assert.equal(store.stateHash().hash, hash);
  assert.equal(store.revision, 1);
});
