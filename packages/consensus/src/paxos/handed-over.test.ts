// A transfer lets a member be elected in spite of a lease, because the leader that hands over gives its
// lease up first. Only its own: the transferee may come late, when others follow another leader.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, type Cluster, clusterOf } from "../testing/cluster.ts";
import type { PaxosState } from "./durable-state.ts";
import type { PaxosMessage } from "./messages.ts";
import { paxos } from "./paxos.ts";

test("what one leader handed over ends no other leader's lease", () => {
  let draw = 0;
  const cluster = clusterOf(paxos, 3, { core: { reads: "lease", random: () => draw } });
  cluster.step("b", { kind: "campaign" });
  cluster.stabilize();
  cluster.elapse(4);
  assert.equal(cluster.leader(), "b");
  draw = 0.99;
  // c is told to take over and prepares its ballot, but nobody hears of it; b forgets its lead.
  cluster.step("b", { kind: "transferLeadership", to: "c", token: 7 });
  for (const letter of cluster.letters.splice(0)) if (letter.to === "c") cluster.deliver(letter);
  while (cluster.persist("c"));
  cluster.letters = [];
  assert.equal(cluster.at("c").core.status().role, "candidate");
  cluster.isolate("c");
  cluster.crash("b");
  cluster.restart("b");
  // a leads by a lower ballot of the same round, with a lease that b granted it.
  cluster.elapse(12);
  cluster.step("a", { kind: "campaign" });
  cluster.stabilize();
  cluster.elapse(2);
  assert.equal(cluster.at("a").core.status().role, "leader");
  // Now a is cut off instead, and c reaches b.
  cluster.heal();
  cluster.isolate("a");
  cluster.elapse(2);
  const proposals = [{ token: 9, payload: bytesOf("by c") }];
  cluster.step("c", { kind: "propose", proposals });
  cluster.stabilize();
  assertReadsWhatIsChosen(cluster);
  // Once the lease is over c is elected like anybody else.
  cluster.elapse(60);
  assert.notEqual(cluster.leader(), "a");
  assertReadsWhatIsChosen(cluster);
});

/** a, as far as it answers from its lease, has heard of all that anybody knows to be chosen. */
function assertReadsWhatIsChosen(cluster: Cluster<PaxosMessage, PaxosState>): void {
  const chosen = Math.max(...["a", "b", "c"].map((id) => cluster.at(id).core.status().commitIndex));
  const effects = cluster.step("a", { kind: "read", token: 55 });
  const answer = effects.find((effect) => effect.kind === "readReady");
  assert(answer === undefined || answer.index >= chosen, `${answer?.index} of ${chosen}`);
}
