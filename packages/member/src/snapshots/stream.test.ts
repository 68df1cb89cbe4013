import assert from "node:assert/strict";
import { test } from "node:test";
import { StateReplaced } from "@althing/store";
import type { PeerMessage } from "../ports.ts";
import { behind, caughtUp, count } from "../testing/late-member.ts";

test("a chunk that was lost is sent again from where the receiver stands", () => {
  const { cluster, late } = behind();
  let lost = 0;
  let begun = 0;
  cluster.filter = (_from, _to, message) => {
    if (message.kind === "snapshotBegin") begun++;
    if (message.kind !== "snapshotChunk" || message.sequence % 7 !== 3 || lost >= 3) return true;
    lost++;
    return false;
  };
  cluster.start(late);
  caughtUp(cluster, late);
  assert.ok(lost > 0);
  // At the receiver's word, not after a silence.
  assert.equal(begun, 1);
});

test("new-session-at-offset>0: a receiver that restarted in the middle is sent all of it anew", () => {
  const { cluster, late } = behind();
  cluster.start(late);
  const streams = new Map<number, number[]>();
  cluster.filter = (_from, _to, message: PeerMessage) => {
    if (message.kind !== "snapshotChunk") return true;
    const sequences = streams.get(message.stream) ?? [];
    streams.set(message.stream, [...sequences, message.sequence]);
    return true;
  };
  const halfWay = () => [...streams.values()].some((sequences) => sequences.length >= 10);
  assert.ok(cluster.world.run(5000, halfWay));
  cluster.kill(late);
  cluster.start(late);
  caughtUp(cluster, late);
  assert.equal(streams.size, 2);
  for (const sequences of streams.values()) assert.equal(sequences[0], 0);
});

test("a stream interrupted by a lost connection goes on where it stood", () => {
  const { cluster, late } = behind();
  const leader = cluster.awaitLeader();
  cluster.start(late);
  const sequences: number[] = [];
  let begun = 0;
  cluster.filter = (_from, _to, message) => {
    if (message.kind === "snapshotBegin") begun++;
    if (message.kind === "snapshotChunk") sequences.push(message.sequence);
    return true;
  };
  assert.ok(cluster.world.run(5000, () => sequences.length >= 5));
  cluster.cut(leader.id, late);
  cluster.world.run(50);
  cluster.heal();
  cluster.connect(leader.id, late);
  assert.equal(begun, 2, "asked where it stands at once");
  caughtUp(cluster, late);
  assert.equal(count(cluster.node(leader.id), "snapshot.sending"), 1);
  assert.equal(sequences.filter((sequence) => sequence === 0).length, 1);
});

test("torn-snapshot-file: a damaged chunk changes nothing and the stream is started again", () => {
  const { cluster, late } = behind();
  let damaged = 0;
  cluster.filter = (_from, _to, message) => {
    if (message.kind === "snapshotChunk" && message.sequence === 5 && damaged === 0) {
      damaged++;
      (message as { bytes: Uint8Array }).bytes = message.bytes.map((byte) => byte ^ 0x10);
    }
    return true;
  };
  cluster.start(late);
  caughtUp(cluster, late);
  assert.equal(count(cluster.node(late), "snapshot.damaged"), 1);
  assert.equal(count(cluster.node(late), "member.failed"), 0);
});

test("a stream whose state is replaced under it is given up at once and begun anew", () => {
  const { cluster, late } = behind();
  const leader = cluster.node(cluster.awaitLeader().id);
  const store = leader.store!;
  const open = store.openSnapshot.bind(store);
  let opened = 0;
  store.openSnapshot = () => {
    const reader = open();
    if (opened++ > 0) return reader;
    let chunks = 0;
    const next = () => {
      if (chunks++ < 5) return reader.next();
      throw new StateReplaced();
    };
    return { point: reader.point, next, close: () => reader.close() };
  };
  const fromMs = cluster.world.nowMs;
  cluster.start(late);
  caughtUp(cluster, late);
  assert.ok(opened >= 2);
  assert.ok(cluster.world.nowMs - fromMs < 5000, "not after the silence of a stream that is stuck");
  assert.equal(count(leader, "callback.threw"), 0);
  const ends = leader.events.filter(({ kind }) => kind === "snapshot.sent");
  assert.match(String(ends[0]?.["why"]), /took the place/);
  assert.equal(count(leader, "member.failed"), 0);
  assert.ok(count(cluster.node(late), "snapshot.installed") > 0);
});

test("a chunk is acknowledged when the disk has it: a slow disk slows the sender down", () => {
  const { cluster, late } = behind();
  const { world } = cluster;
  cluster.start(late);
  const { store, clock } = cluster.node(late);
  const begin = store!.beginRestore.bind(store);
  let written = 0;
  let taken = 0;
  let acknowledged = 0;
  let ahead = 0;
  store!.beginRestore = () => {
    const writer = begin();
    return {
      write: (chunk) => {
        writer.write(chunk);
        written++;
        ahead = Math.max(ahead, written - acknowledged);
      },
      // It takes one after the other, each in so many milliseconds.
      flush: (done) => {
        const mine = written;
        world.at(40 * (mine - taken), () => {
          taken = Math.max(taken, mine);
          clock.inLoop(() => writer.flush(done));
        });
      },
      finish: () => writer.finish(),
      install: (done) => writer.install(done),
      abort: () => writer.abort(),
    };
  };
  cluster.filter = (from, _to, message) => {
    if (from === late && message.kind === "snapshotAck" && message.next <= written) {
      assert.ok(message.next <= taken, `${message.next} acknowledged, ${taken} on the disk`);
      acknowledged = message.next;
    }
    return true;
  };
  caughtUp(cluster, late);
  assert.ok(written > 8, "more than a window");
  assert.ok(ahead <= 9, `${ahead} chunks at once`);
  assert.ok(count(cluster.node(late), "snapshot.installed") > 0);
});

test("a disk that does not take a snapshot refuses it, and the member goes on", () => {
  const { cluster, late } = behind();
  cluster.start(late);
  const { store } = cluster.node(late);
  const begin = store!.beginRestore.bind(store);
  let begun = 0;
  store!.beginRestore = () => {
    const writer = begin();
    const isBad = begun++ === 0;
    let flushes = 0;
    return {
      write: (chunk) => writer.write(chunk),
      flush: (done) => {
        if (isBad && flushes++ === 3) done(new Error("no space left"));
        else writer.flush(done);
      },
      finish: () => writer.finish(),
      install: (done) => writer.install(done),
      abort: () => writer.abort(),
    };
  };
  caughtUp(cluster, late);
  assert.equal(begun, 2);
  assert.equal(count(cluster.node(late), "member.failed"), 0);
});
