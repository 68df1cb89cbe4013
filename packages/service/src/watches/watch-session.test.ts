import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreEvent, Watcher } from "@althing/store";
import type { WatchClient, WatchWish } from "./watch-client.ts";
import { WatchSession } from "./watch-session.ts";

const wish: WatchWish = {
  key: "k",
  rangeEnd: "",
  prevKv: false,
  puts: true,
  deletes: true,
  id: 7n,
  from: 0,
  fragments: false,
  notices: false,
};

function eventAt(modRevision: number): StoreEvent {
  const kv = { key: "k", value: new Uint8Array(), createRevision: 1, modRevision, version: 1 };
  return { type: "put", kv: { ...kv, lease: 0n }, prevKv: undefined };
}

/** Says what its client is told, and hands out the watchers that the hub was given. */
function fixture() {
  const told: string[] = [];
  const watchers: Watcher[] = [];
  const say = (what: string) => told.push(what) > 0;
  const client: WatchClient<"noRight"> = {
    created: (id) => say(`created ${id}`),
    refused: (why) => say(`refused ${why}`),
    denied: (why) => say(`denied ${why}`),
    events: (id, revision, events) => say(`${events.length} for ${id} at ${revision}`),
    beginEvents(id, revision) {
      let count = 0;
      return {
        add: (events) => {
          count += events.length;
        },
        send: () => say(`${count} in parts for ${id} at ${revision}`),
        drop: () => say(`dropped ${count} for ${id}`),
      };
    },
    progress: (id, revision) => say(`progress of ${id ?? "all"} to ${revision}`),
    cancelled: (id) => say(`cancelled ${id}`),
    compacted: (id, floor) => say(`compacted ${id} at ${floor}`),
    onDrain() {},
    inSteps() {},
    charge: () => true,
    release() {},
    refuses: () => undefined,
    hold: () => ({ check: () => true, forget() {} }),
  };
  const session = new WatchSession(client, {
    store: { revision: 4 },
    hub: {
      add: (watcher) => watchers.push(watcher),
      remove: (watcher) => {
        watcher.isRemoved = true;
      },
      isCurrent: () => true,
      advance() {},
      resumed() {},
      forget() {},
    },
    areRightsJudged: () => true,
    soon: (run) => run(),
    fragmentBytesMax: 1000,
  });
  return { session, told, watchers };
}

test("what was begun for a watcher ends with it: the next one of its id is told its own alone", () => {
  const { session, told, watchers } = fixture();
  session.create(wish);
  session.events(watchers[0]!, 5, [eventAt(5), eventAt(5)], true);
  session.cancel(7n);
  session.create(wish);
  session.events(watchers[0]!, 5, [eventAt(5)], false);
  session.events(watchers[1]!, 6, [eventAt(6)], false);
  assert.deepEqual(told, [
    "created 7",
    "dropped 2 for 7",
    "cancelled 7",
    "created 7",
    "1 for 7 at 6",
  ]);
});
