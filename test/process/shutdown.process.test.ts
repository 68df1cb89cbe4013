// A leader that is asked to stop hands its office over first and answers what is under way: it ends by itself with
// code 0, every client learns what became of its write, and nothing acknowledged is lost.

import assert from "node:assert/strict";
import { failureOf } from "../client/etcd-client.ts";
import { eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { protocol } from "../cluster/program.ts";
import { clusterTest, program } from "./subject.ts";

const skip = program === "etcd" ? "etcd cuts what is under way" : false;

clusterTest(
  "a leader asked to stop hands over, with an answer for everybody",
  { skip },
  async ({ cluster, load }) => {
    const workload = load();
    for (let round = 0; round < 3; round++) {
      await workload.nextAcknowledgedWrite();
      const leader = await cluster.leader();
      const writers = Array.from({ length: 8 }, (_, i) => new Writer(leader, `${round}/${i}`));
      await eventually("all of them write", 10_000, () =>
        writers.every(({ keys }) => keys.length > 5),
      );
      const exit = await leader.stop();
      assert.deepEqual(exit, { code: 0, signal: null });
      await Promise.all(writers.map((writer) => writer.done));
      for (const { end } of writers) {
        // A coded answer, or a connection that was closed between two calls; nothing torn.
        assert.equal(end?.code, 14, end?.message);
        assert.doesNotMatch(end?.message ?? "", /reset|protocol error|without trailers/);
      }
      const next = await cluster.leader();
      const client = next.client();
      const answer = await client.range({ key: `${round}/`, range_end: `${round}0` });
      const found = new Set((answer.response?.kvs ?? []).map((kv) => kv.key));
      for (const { keys } of writers) {
        assert.deepEqual(
          keys.filter((key) => !found.has(key)),
          [],
          "acknowledged, and lost",
        );
      }
      client.close();
      leader.start();
      await cluster.waitUntilReady();
    }
    await workload.finish();
  },
);

const electionMs = 5000;

for (const one of protocol === "raft" ? ["raft", "paxos", "zab"] : [protocol]) {
  const args = [`--election-timeout=${electionMs}`, "--heartbeat-interval=100"];
  const prepare = async () => ({
    args: one === protocol ? args : [...args, `--protocol=${one}`],
  });
  clusterTest(
    `${one}: who is asked to stop leaves a leader behind, and nobody waits for an election`,
    { skip, prepare },
    async ({ cluster }) => {
      const leader = await cluster.leader();
      const others = cluster.members.filter((member) => member !== leader);
      const begun = performance.now();
      const stopped = leader.stop();
      const client = others[0]!.client(electionMs * 2);
      let next: MemberProcess | undefined;
      await eventually("another one leads", electionMs, async () => {
        next = await cluster.leader(electionMs).catch(() => undefined);
        return next !== undefined && next !== leader;
      });
      assert.equal((await client.put({ key: "after", value: "v" })).code, 0);
      const tookMs = performance.now() - begun;
      // Followers that are left alone do nothing for this long; handed over, it takes a few messages.
      assert.ok(tookMs < electionMs / 2, `it took ${tookMs} ms`);
      assert.deepEqual(await stopped, { code: 0, signal: null });
      client.close();
    },
  );
}

/** Writes to one member, one key after the other, until it is turned away. */
class Writer {
  readonly keys: string[] = [];
  readonly done: Promise<void>;
  end: { readonly code: number; readonly message: string } | undefined;

  constructor(member: MemberProcess, name: string) {
    this.done = this.#write(member, name);
  }

  async #write(member: MemberProcess, name: string): Promise<void> {
    const client = member.client(20_000);
    for (let i = 0; this.end === undefined; i++) {
      const key = `${name}/${i}`;
      const answer = await client.put({ key, value: "v" });
      if (answer.code === 0) this.keys.push(key);
      else this.end = { code: answer.code, message: failureOf(answer) };
    }
    client.close();
  }
}
