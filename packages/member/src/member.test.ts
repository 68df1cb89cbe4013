import assert from "node:assert/strict";
import { test } from "node:test";
import { MemberError, type ProposeOutcome } from "./contract.ts";
import { ENVELOPE_VERSION } from "./envelope.ts";
import { Cluster, putCommand } from "./testing/cluster.ts";

const refused = (code: string, outcome: string) => (answer: ProposeOutcome) => {
  assert.equal(answer.kind, "failed");
  const { error } = answer as { error: MemberError };
  assert.deepEqual({ code: error.code, outcome: error.outcome }, { code, outcome });
};

test("a put on the leader is applied on every member", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  assert.equal(cluster.put(leader, "k", "v").kind, "applied");
  cluster.settle();
  for (const { member } of cluster.nodes.values()) assert.equal(cluster.read(member!, "k"), "v");
});

test("a put on a follower is forwarded in one message per turn and answered by its own apply", () => {
  const cluster = new Cluster();
  cluster.startAll();
  cluster.calm();
  const follower = cluster.follower();
  let forwards = 0;
  cluster.filter = (_from, _to, message) => {
    if (message.kind === "forward") forwards++;
    return true;
  };
  const outcomes = cluster.putMany(follower, 200);
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(["applied"]));
  assert.equal(forwards, 1);
  assert.equal(cluster.read(follower, "many7"), "x".repeat(10));
});

test("one turn's proposals become one log write", () => {
  const cluster = new Cluster({ ids: ["a"] });
  cluster.startAll();
  const leader = cluster.awaitLeader();
  cluster.world.run(1000);
  const { counts } = cluster.node("a").logDisk.memory;
  const before = counts.sync;
  cluster.putMany(leader, 500);
  assert.ok(counts.sync - before <= 2, `${counts.sync - before} syncs`);
});

test("everything acknowledged survives a crash of all members", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  for (let i = 0; i < 20; i++) assert.equal(cluster.put(leader, `k${i}`, `v${i}`).kind, "applied");
  for (const id of ["a", "b", "c"]) cluster.kill(id);
  cluster.startAll();
  const next = cluster.awaitLeader();
  for (let i = 0; i < 20; i++) assert.equal(cluster.read(next, `k${i}`), `v${i}`);
});

test("read-before-replay: a read after a restart waits for what was acknowledged before", () => {
  const cluster = new Cluster();
  cluster.startAll();
  cluster.put(cluster.awaitLeader(), "k", "v");
  for (const id of ["a", "b", "c"]) cluster.kill(id);
  cluster.startAll();
  for (const { member } of cluster.nodes.values()) assert.equal(cluster.read(member!, "k"), "v");
});

test("data-gone-on-failover: the next leader has the state, not only the log", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const first = cluster.awaitLeader();
  cluster.put(first, "k", "v");
  cluster.kill(first.id);
  const second = cluster.awaitLeader();
  assert.notEqual(second.id, first.id);
  assert.equal(cluster.read(second, "k"), "v");
  assert.equal(cluster.put(second, "k", "w").kind, "applied");
});

test("a proposal without a leader waits for one, and only its timeout fails it", () => {
  const cluster = new Cluster();
  const a = cluster.start("a");
  cluster.world.run(200);
  let answer: ProposeOutcome | undefined;
  a.propose(putCommand("k", "v"), (outcome) => {
    answer = outcome;
  });
  cluster.world.run(1000);
  assert.equal(answer, undefined);
  cluster.start("b");
  cluster.start("c");
  assert.ok(cluster.world.run(1000, () => answer !== undefined));
  assert.equal(answer!.kind, "applied");
  for (const id of ["b", "c"]) cluster.kill(id);
  cluster.world.run(500);
  refused("noLeader", "notExecuted")(cluster.put(cluster.member("a"), "k", "w"));
  const read = cluster.read(cluster.member("a"), "k");
  assert.ok(read instanceof MemberError);
  assert.equal(read.code, "noLeader");
});

test("a proposal in flight when its leader is cut off is answered as unknown, well before its timeout", () => {
  const cluster = new Cluster({ member: { requestTimeoutMs: 60_000 } });
  cluster.startAll();
  const leader = cluster.calm();
  cluster.isolate(leader.id);
  const start = cluster.world.nowMs;
  refused("leaderChanged", "unknown")(cluster.put(leader, "k", "v"));
  assert.ok(cluster.world.nowMs - start < 1000);
});

test("forwarded to a leader that is cut off: answered as unknown once another one leads", () => {
  const cluster = new Cluster({ member: { requestTimeoutMs: 60_000 } });
  cluster.startAll();
  const leader = cluster.awaitLeader();
  const follower = cluster.follower();
  cluster.isolate(leader.id);
  const start = cluster.world.nowMs;
  refused("leaderChanged", "unknown")(cluster.put(follower, "k", "v"));
  assert.ok(cluster.world.nowMs - start < 1500);
  assert.equal(cluster.put(follower, "k", "w").kind, "applied");
});

test("proxy-loop: what was forwarded is proposed or sent back, never forwarded on", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.calm();
  const [one, two] = ["a", "b", "c"].filter((id) => id !== leader.id);
  let forwards = 0;
  const envelope = new Uint8Array(30);
  envelope[0] = ENVELOPE_VERSION;
  const sent: unknown[] = [];
  cluster.filter = (from, to, message) => {
    if (message.kind === "forward") forwards++;
    if (message.kind === "forwardRejected") sent.push({ from, to, message });
    return true;
  };
  cluster.member(one!).receive(two!, { kind: "forward", payloads: [envelope] });
  cluster.world.run(100);
  assert.equal(forwards, 0);
  assert.deepEqual(sent, [
    {
      from: one,
      to: two,
      message: {
        kind: "forwardRejected",
        reason: "notLeader",
        session: 0,
        requests: [0],
        leaderHint: leader.id,
      },
    },
  ]);
});

test("a refusal meant for an earlier life of the origin is not taken for its own", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.calm();
  const follower = cluster.follower();
  let forwards = 0;
  cluster.filter = (_from, _to, message) => {
    if (message.kind !== "forward") return true;
    forwards++;
    return false;
  };
  follower.propose(putCommand("k", "v"), () => {});
  cluster.world.run(100, () => forwards === 1);
  // Every number it could have, under a session that is not its own: sent again, it might run twice.
  const requests = Array.from({ length: 64 }, (_, use) => use * 2 ** 16);
  follower.receive(leader.id, {
    kind: "forwardRejected",
    reason: "notLeader",
    session: 1,
    requests,
    leaderHint: undefined,
  });
  cluster.world.run(500);
  assert.equal(forwards, 1);
});

test("a follower that believes in a former leader is sent on to the new one", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const former = cluster.awaitLeader();
  const follower = cluster.follower();
  const third = ["a", "b", "c"].find((id) => id !== former.id && id !== follower.id)!;
  cluster.cut(follower.id, third);
  let transferred: unknown = "no answer";
  former.transferLeadership(third, (error) => {
    transferred = error;
  });
  assert.ok(cluster.world.run(2000, () => transferred !== "no answer"));
  assert.equal(transferred, undefined);
  cluster.heal();
  assert.equal(cluster.put(follower, "k", "v").kind, "applied");
});

test("proposals under way during a transfer of leadership are all applied exactly once", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const former = cluster.awaitLeader();
  const to = cluster.follower();
  const outcomes: ProposeOutcome[] = [];
  for (let i = 0; i < 50; i++) {
    former.propose(putCommand(`k${i}`, "v"), (outcome) => outcomes.push(outcome));
  }
  former.transferLeadership(to.id, () => {});
  for (let i = 50; i < 100; i++) {
    former.propose(putCommand(`k${i}`, "v"), (outcome) => outcomes.push(outcome));
  }
  assert.ok(cluster.world.run(3000, () => outcomes.length === 100));
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(["applied"]));
  assert.equal(cluster.awaitLeader().id, to.id);
  cluster.settle();
  // 100 puts and the members' own publications: nothing ran twice.
  assert.equal(to.stateMachine.revision, 101);
});

test("over the limits a request is refused and nothing is done", () => {
  const cluster = new Cluster({ member: { requestBytesMax: 100, proposalsInFlightMax: 10 } });
  cluster.startAll();
  const leader = cluster.awaitLeader();
  cluster.settle();
  refused("tooLarge", "notExecuted")(cluster.put(leader, "k", "v".repeat(200)));
  const outcomes: ProposeOutcome[] = [];
  for (let i = 0; i < 12; i++) leader.propose(putCommand("k", "v"), (o) => outcomes.push(o));
  cluster.world.run(1000, () => outcomes.length === 12);
  const failed = outcomes.filter(({ kind }) => kind === "failed");
  assert.equal(failed.length, 2);
  for (const answer of failed) refused("overloaded", "notExecuted")(answer);
});

test("all reads of a turn share one question to the core", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const follower = cluster.follower();
  let questions = 0;
  cluster.filter = (_from, _to, message) => {
    const { message: body } = message as { message?: { kind?: string } };
    if (["readRequest", "syncRequest"].includes(body?.kind ?? "")) questions++;
    return true;
  };
  let answered = 0;
  for (let i = 0; i < 1000; i++) {
    follower.read((error) => {
      assert.equal(error, undefined);
      answered++;
    });
  }
  assert.ok(cluster.world.run(1000, () => answered === 1000));
  assert.equal(questions, 1);
});

test("stale-read-by-default: a leader that is cut off answers no read", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const former = cluster.awaitLeader();
  cluster.put(former, "k", "old");
  cluster.isolate(former.id);
  cluster.world.run(500);
  cluster.put(cluster.awaitLeader(), "k", "new");
  assert.ok(cluster.read(former, "k") instanceof MemberError);
  cluster.heal();
  assert.equal(cluster.read(former, "k"), "new");
});

test("a read under way when the leader dies is answered by the next one", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  const follower = cluster.follower();
  cluster.put(leader, "k", "v");
  let answer: MemberError | undefined | "none" = "none";
  follower.read((error) => {
    answer = error;
  });
  cluster.world.run(0.5);
  cluster.kill(leader.id);
  assert.ok(cluster.world.run(2000, () => answer !== "none"));
  assert.equal(answer, undefined);
});

test("a callback that throws harms neither the entry nor its neighbours", () => {
  const cluster = new Cluster({ ids: ["a"] });
  cluster.startAll();
  const leader = cluster.awaitLeader();
  let answered = 0;
  leader.propose(putCommand("k1", "v"), () => {
    throw new Error("a door's mistake");
  });
  leader.propose(putCommand("k2", "v"), () => answered++);
  cluster.world.run(500);
  assert.equal(answered, 1);
  assert.equal(cluster.node("a").events.filter(({ kind }) => kind === "callback.threw").length, 1);
  assert.equal(cluster.read(leader, "k1"), "v");
});

test("a long backlog is applied in pieces between which other input is served", () => {
  const cluster = new Cluster({ ids: ["a"] });
  cluster.startAll();
  cluster.putMany(cluster.awaitLeader(), 5000);
  cluster.kill("a");
  cluster.node("a").events.length = 0;
  cluster.start("a");
  cluster.awaitLeader();
  cluster.settle();
  const pieces = cluster.node("a").events.filter(({ kind }) => kind === "entries.applied");
  assert.ok(pieces.length >= 5);
  assert.ok(pieces.every((piece) => Number(piece["count"]) <= 1024));
});

test("stop hands leadership over, answers what is under way and closes", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  const outcomes: ProposeOutcome[] = [];
  for (let i = 0; i < 10; i++) leader.propose(putCommand("k", "v"), (o) => outcomes.push(o));
  let stopped = false;
  leader.stop(() => {
    stopped = true;
  });
  refused("stopped", "notExecuted")(cluster.put(leader, "k", "w"));
  assert.ok(cluster.world.run(1000, () => stopped));
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    Array(10).fill("applied"),
  );
  assert.equal(leader.status().state, "stopped");
  // Nothing of this is a reason to wake somebody.
  const { events } = cluster.nodes.get(leader.id)!;
  assert.deepEqual(
    events.filter(({ level }) => level === "warn" || level === "error"),
    [],
  );
  const others = [...cluster.nodes.values()].filter(({ id }) => id !== leader.id);
  assert.ok(others.some(({ member }) => member!.status().role === "leader"));
  cluster.kill(leader.id);
  cluster.start(leader.id);
  assert.equal(cluster.read(cluster.member(leader.id), "k"), "v");
});

test("starved-loop-term-storm: a follower that was held up takes its inbox before it counts time", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.calm();
  const { epoch } = leader.status();
  const node = cluster.node(cluster.follower().id);
  node.events.length = 0;
  for (let i = 1; i <= 10; i++) {
    cluster.world.at(i * 400, () => {
      node.clock.stalledUntilMs = cluster.world.nowMs + 350;
    });
  }
  cluster.world.run(4500);
  const kinds = node.events.map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "loop.stalled").length, 10);
  assert.equal(kinds.includes("role.changed"), false);
  assert.deepEqual(
    { leader: cluster.awaitLeader().id, epoch: leader.status().epoch },
    { leader: leader.id, epoch },
  );
});

test("a member that was stopped for ten seconds follows the new leader and loses nothing", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const former = cluster.awaitLeader();
  cluster.node(former.id).clock.stalledUntilMs = cluster.world.nowMs + 10_000;
  cluster.world.run(1000);
  const next = cluster.awaitLeader();
  assert.notEqual(next.id, former.id);
  cluster.put(next, "k", "v");
  cluster.world.run(10_000);
  assert.equal(cluster.read(former, "k"), "v");
  assert.equal(cluster.awaitLeader().id, next.id);
});

test("an entry of a later version is not passed over: the member ends, and says what to do", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.calm();
  const before = leader.stateMachine.appliedIndex;
  // As an upgraded member would propose it.
  leader.propose(Uint8Array.of(0xfe), () => {});
  const ended = () =>
    [...cluster.nodes.values()].every(({ member }) => member!.status().state === "failed");
  assert.ok(cluster.world.run(2000, ended));
  for (const { events, store } of cluster.nodes.values()) {
    const failed = events.find(({ kind }) => kind === "member.failed");
    assert.match(String(failed?.cause), /later version: upgrade this member/);
    assert.equal(store!.appliedIndex, before);
  }
});
