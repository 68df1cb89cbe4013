import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultConfig } from "../config/config.ts";
import { AskError, type Roster } from "../peers/index.ts";
import { openDiskKey } from "./disk-key.ts";
import { joinCluster } from "./join.ts";

const own = "http://10.0.0.4:2380";
const config = defaultConfig({
  name: "m4",
  initialAdvertisePeerUrls: [own],
  initialCluster: [
    { name: "m1", peerUrls: ["http://10.0.0.1:2380"] },
    { name: "m2", peerUrls: ["http://10.0.0.2:2380"] },
    { name: "m4", peerUrls: [own] },
  ],
  initialClusterState: "existing",
});
const m1 = {
  id: "1111111111111111",
  name: "m1",
  peerUrls: ["http://10.0.0.1:2380"],
  started: true,
  identity: "k".repeat(43),
};
const m4 = { id: "4444444444444444", name: "", peerUrls: [own], started: false, identity: "" };
const roster = (members: Roster["members"], change: Partial<Roster> = {}): Roster => ({
  clusterId: "cccccccccccccccc",
  consensus: "raft",
  asOf: 7,
  members,
  ...change,
});

test("a member that was added finds its id by its addresses, and asks nobody but the others", async () => {
  const asked: string[] = [];
  const ask = async (url: string) => {
    asked.push(url);
    if (url.includes("10.0.0.1")) throw new Error("down");
    return roster([m1, m4]);
  };
  const { incarnation, privateKey, ...identity } = await joinCluster(config, { ask });
  assert.equal(openDiskKey({ incarnation, privateKey })?.identity, incarnation);
  assert.deepEqual(identity, {
    clusterId: "cccccccccccccccc",
    memberId: m4.id,
    protocol: "raft",
    engine: "disk",
    foundingMembers: [
      { id: m1.id, name: "m1", peerUrls: m1.peerUrls, identity: m1.identity, asOf: 7 },
      { id: m4.id, name: "", peerUrls: [own] },
    ],
    joined: true,
  });
  assert.deepEqual(asked, ["http://10.0.0.1:2380", "http://10.0.0.2:2380"]);
});

test("one who does not know the member yet is asked again", async () => {
  let round = 0;
  const ask = async () => roster(++round > 2 ? [m1, m4] : [m1]);
  assert.equal((await joinCluster(config, { ask })).memberId, m4.id);
});

test("why it waits is said once, and a member that is to stop asks no further", async () => {
  const said: string[] = [];
  const abort = new AbortController();
  let round = 0;
  const ask = async () => {
    if (++round === 6) abort.abort();
    return roster([m1]);
  };
  const onWaiting = (why: string) => said.push(why);
  await assert.rejects(joinCluster(config, { ask, onWaiting, abort: abort.signal }), {
    code: "joinAbandoned",
  });
  assert.equal(round, 6);
  assert.deepEqual(
    said.map((why) => why.slice(0, 53)),
    ["the cluster has no member at http://10.0.0.4:2380: ad"],
  );
});

const refusedWith = (code: "notAdded" | "startedBefore") =>
  new AskError("m1: refused", { code, reason: "" });

test("what stands in the way is said with what to do about it", async () => {
  const failing = (ask: (url: string) => Promise<Roster>, given = config) =>
    joinCluster(given, { ask, patienceMs: 0 });
  await assert.rejects(
    failing(() => Promise.reject(refusedWith("notAdded"))),
    /no member at http:\/\/10\.0\.0\.4:2380: add it first \(member add m4/,
  );
  await assert.rejects(
    failing(() => Promise.reject(refusedWith("startedBefore"))),
    /has started before.*member remove/,
  );
  await assert.rejects(
    failing(async () => roster([m1, m4], { consensus: "zab" })),
    /--protocol=zab/,
  );
  await assert.rejects(
    failing(() => Promise.reject(new Error("m1: refused"))),
    /no member of the cluster could be asked \(m1: refused; m1: refused\)/,
  );
  const alone = { ...config, initialCluster: [{ name: "m4", peerUrls: [own] }] };
  await assert.rejects(
    failing(async () => roster([m1]), alone),
    /needs the addresses of other/,
  );
});

test("a member with other quorums than the cluster's is told so, by whoever can tell", async () => {
  const paxos = { ...config, protocol: "paxos" as const };
  const four = { prepare: 3, accept: 2 };
  const told = (paxosQuorums?: string) =>
    roster([m1, m4], {
      consensus: "paxos",
      ...(paxosQuorums === undefined ? {} : { paxosQuorums }),
    });
  for (const [own, theirs, isRefused] of [
    [undefined, "3,2", true],
    [four, "", true],
    [four, "3,2", false],
    [undefined, "", false],
    [four, undefined, false],
  ] as const) {
    const joined = joinCluster({ ...paxos, paxosQuorums: own }, { ask: async () => told(theirs) });
    if (isRefused) await assert.rejects(joined, { code: "protocolFixed", message: /quorums/ });
    else assert.ok((await joined).joined);
  }
});
