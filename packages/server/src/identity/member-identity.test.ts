import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultConfig } from "../config/config.ts";
import type { DataDirectory } from "../disk/index.ts";
import { IdentityError, identify } from "./member-identity.ts";
import { listMembers, peerAddresses } from "./roster.ts";

function directory(): DataDirectory {
  let stored: Readonly<Record<string, unknown>> | undefined;
  return {
    warnings: [],
    path: "/data",
    storePath: "/data/store",
    get disk(): never {
      throw new Error("not needed");
    },
    readIdentity: () => stored,
    // As a file would give it back.
    writeIdentity: (identity) => {
      stored = JSON.parse(JSON.stringify(identity));
    },
    close: () => {},
  };
}

test("who a member is stays as it was founded, whatever the flags say later", () => {
  const data = directory();
  const founded = identify(data, defaultConfig());
  assert.equal(founded.isNew, true);
  assert.equal(founded.identity.memberId, "8e9e05c52164694d");
  assert.equal(founded.identity.clusterId, "cdf818194e3a8c32");

  const again = identify(data, defaultConfig());
  assert.deepEqual(again, { identity: founded.identity, isNew: false, warnings: [] });

  const moved = identify(data, defaultConfig({ initialClusterToken: "another" }));
  assert.deepEqual(moved.identity, founded.identity);
  assert.match(
    moved.warnings[0]!,
    /belongs to member 8e9e05c52164694d.* are not used\. If .* remove it/,
  );
});

test("a directory founded anew has another incarnation, and else the same identity", () => {
  const first = identify(directory(), defaultConfig()).identity;
  const second = identify(directory(), defaultConfig()).identity;
  assert.notEqual(first.incarnation, second.incarnation);
  assert.deepEqual({ ...first, incarnation: "" }, { ...second, incarnation: "" });
});

test("another protocol or engine than the founded one is refused", () => {
  const data = directory();
  const config = defaultConfig();
  identify(data, config);
  const refused = (change: object) => {
    try {
      identify(data, { ...config, ...change });
    } catch (error) {
      assert.ok(error instanceof IdentityError);
      return [error.code, error.message];
    }
    assert.fail("accepted");
  };
  const [engine, engineText] = refused({ engine: "memory" });
  assert.equal(engine, "engineFixed");
  assert.match(engineText!, /Start with --engine=disk/);
  const [protocol, protocolText] = refused({ protocol: "zab" });
  assert.equal(protocol, "protocolFixed");
  assert.match(protocolText!, /Start with --protocol=raft/);
  const [quorums, quorumsText] = refused({ paxosQuorums: { prepare: 4, accept: 2 } });
  assert.equal(quorums, "protocolFixed");
  assert.match(quorumsText!, /written without --paxos-quorums/);
  data.writeIdentity({ memberId: 5 });
  assert.equal(refused({})[0], "identityUnreadable");
});

test("members are told as they published themselves, and before that as they were founded", () => {
  const sources = {
    membership: () => ({
      voters: ["b", "a"],
      votersOutgoing: ["c"],
      learners: ["d"],
      learnersNext: [],
    }),
    published: () => [
      {
        kind: "publishMember" as const,
        member: "a",
        name: "m1",
        peerUrls: ["http://new:1"],
        clientUrls: ["http://client:1"],
        incarnation: "x",
      },
    ],
    founding: [
      { id: "a", name: "m1", peerUrls: ["http://old:1"] },
      { id: "b", name: "m2", peerUrls: ["http://b:1"] },
    ],
  };
  const unknown = { name: "", clientUrls: [] };
  assert.deepEqual(listMembers(sources), [
    {
      id: "a",
      name: "m1",
      peerUrls: ["http://new:1"],
      clientUrls: ["http://client:1"],
      isLearner: false,
    },
    { ...unknown, id: "b", peerUrls: ["http://b:1"], isLearner: false },
    { ...unknown, id: "c", peerUrls: [], isLearner: false },
    { ...unknown, id: "d", peerUrls: [], isLearner: true },
  ]);
  assert.deepEqual(peerAddresses(sources, "a"), [{ id: "b", urls: ["http://b:1"] }]);
});
