// Who is told who the members are.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Knock, Roster } from "../peers/index.ts";
import { answerTo, rosterOf } from "./roster.ts";

const founder = "f".repeat(43);
const joiner = "j".repeat(43);
const roster: Roster = {
  clusterId: "cccccccccccccccc",
  consensus: "raft",
  asOf: 7,
  members: [
    {
      id: "1111111111111111",
      name: "m1",
      peerUrls: ["http://10.0.0.1:2380"],
      started: true,
      identity: founder,
    },
    {
      id: "2222222222222222",
      name: "",
      peerUrls: ["http://10.0.0.2:2380", "http://10.0.0.3:2380"],
      started: false,
      identity: "",
    },
    // One that is being added: its addresses are not known here yet.
    { id: "3333333333333333", name: "", peerUrls: [], started: false, identity: "" },
  ],
};

function knock(change: {
  member?: string;
  identity?: string;
  urls?: readonly string[];
  knowsJoinSecret?: boolean;
  certificateFault?: string;
}): Knock {
  const { member = "", identity = joiner, urls = [] } = change;
  return {
    hello: {
      clusterId: member === "" ? "" : roster.clusterId,
      member,
      identity,
      consensus: "",
      to: "",
      channel: "ask",
      nonce: "n".repeat(32),
    },
    proof: { signature: "", joinProof: "", formerProof: "", urls, introductions: [] },
    knowsJoinSecret: change.knowsJoinSecret ?? false,
    knowsFormer: () => false,
    certificateFault: () => change.certificateFault,
  };
}

test("what a member was known by before it had a key is told to nobody", () => {
  const [former, now] = ["0123456789abcdef", founder];
  const [voters, cluster] = [["1", "2"], { clusterId: "c", consensus: "raft", asOf: 1 }];
  const about = { kind: "publishMember", name: "", peerUrls: [], clientUrls: [] } as const;
  const sources = {
    membership: () => ({ voters, votersOutgoing: [], learners: [], learnersNext: [] }),
    published: () => [
      { ...about, member: "1", incarnation: former },
      { ...about, member: "2", incarnation: now },
    ],
    founding: [],
  };
  const told = rosterOf(sources, cluster).members;
  assert.deepEqual(
    told.map(({ started, identity }) => [started, identity]),
    [
      [true, ""],
      [true, now],
    ],
  );
});

test("who the members are is told to members and to whom one was added for", () => {
  const outcome = (change: Parameters<typeof knock>[0], secretNeeded = false) => {
    const answer = answerTo(roster, knock(change), secretNeeded);
    return answer.kind === "roster" ? "told" : answer.refusal.code;
  };
  const added = ["http://10.0.0.3:2380", "http://10.0.0.2:2380"];
  assert.equal(outcome({ urls: added }), "told");
  assert.equal(outcome({ urls: ["http://10.0.0.1:2380"] }), "startedBefore");
  assert.equal(outcome({ urls: ["http://10.0.0.9:2380"] }), "notAdded");
  assert.equal(outcome({}), "notAdded");
  assert.equal(outcome({ urls: added }, true), "joinSecret");
  assert.equal(outcome({ urls: added, knowsJoinSecret: true }, true), "told");
  assert.equal(outcome({ urls: added, certificateFault: "another's" }), "certificate");
  // By its key, and by no other.
  assert.equal(outcome({ member: "1111111111111111", identity: founder }, true), "told");
  assert.equal(outcome({ member: "1111111111111111" }), "notAdded");
  assert.equal(outcome({ member: "2222222222222222", identity: "" }), "notAdded");
});
