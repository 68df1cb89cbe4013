import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultConfig } from "../config/config.ts";
import type { DataDirectory } from "../disk/index.ts";
import { parsePeerUrl } from "../peers/index.ts";
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
    readNote: () => undefined,
    writeNote: () => {},
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
  const { key, ...rest } = again;
  assert.deepEqual(rest, { identity: founded.identity, isNew: false, warnings: [] });
  assert.equal(key.identity, founded.identity.incarnation);

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
  const none = { incarnation: "", privateKey: "" };
  assert.deepEqual({ ...first, ...none }, { ...second, ...none });
});

test("a directory from before there were keys gets one and remembers what it was known by", () => {
  const data = directory();
  const { identity } = identify(data, defaultConfig());
  const { privateKey, ...older } = identity;
  assert.match(privateKey, /^[\w-]{43}$/);
  data.writeIdentity({ ...older, incarnation: "0123456789abcdef" });
  // A start that is refused leaves it as it is.
  assert.throws(() => identify(data, defaultConfig({ protocol: "zab" })));
  assert.equal(data.readIdentity()?.["incarnation"], "0123456789abcdef");
  const upgraded = identify(data, defaultConfig());
  assert.equal(upgraded.identity.formerIncarnation, "0123456789abcdef");
  assert.match(upgraded.identity.incarnation, /^[\w-]{43}$/);
  const again = identify(data, defaultConfig());
  assert.deepEqual(again.identity, upgraded.identity);
  assert.equal(again.key.formerIdentity, "0123456789abcdef");
});

test("a key that is not the one of the published identity is refused, and so is a removed member's", () => {
  const data = directory();
  const { identity } = identify(data, defaultConfig());
  const other = identify(directory(), defaultConfig()).identity;
  data.writeIdentity({ ...identity, privateKey: other.privateKey });
  assert.throws(() => identify(data, defaultConfig()), { code: "identityUnreadable" });
  data.writeIdentity({ ...identity, removed: true });
  assert.throws(() => identify(data, defaultConfig()), {
    code: "removed",
    message: /which was removed from cluster .* start it with an empty data directory/,
  });
});

test("founding members that cannot be read refuse the start, in whatever way they are wrong", () => {
  const data = directory();
  const { identity } = identify(data, defaultConfig());
  const [member] = identity.foundingMembers;
  const { peerUrls, ...nowhere } = member!;
  for (const wrong of [
    null,
    "a",
    {},
    nowhere,
    { ...member, peerUrls: [1] },
    { ...member, id: 1 },
  ]) {
    data.writeIdentity({ ...identity, foundingMembers: [wrong] });
    assert.throws(() => identify(data, defaultConfig()), { code: "identityUnreadable" });
  }
  assert.equal(peerUrls.length, 1);
  data.writeIdentity({ ...identity });
  assert.deepEqual(identify(data, defaultConfig()).identity, identity);
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
  assert.deepEqual(peerAddresses(sources, "a"), [{ id: "b", urls: [parsePeerUrl("http://b:1")] }]);
});

test("addresses that nobody can call, from an older log, are left out and told", () => {
  const skipped: unknown[] = [];
  const addresses = peerAddresses(
    {
      membership: () => ({ voters: ["b"], votersOutgoing: [], learners: [], learnersNext: [] }),
      published: () => [],
      founding: [
        { id: "b", name: "", peerUrls: ["not a url", "http://127.0.0.1:99999", "http://b:1"] },
      ],
    },
    "a",
    (id, urls) => skipped.push([id, urls.length]),
  );
  assert.deepEqual(addresses, [{ id: "b", urls: [parsePeerUrl("http://b:1")] }]);
  assert.deepEqual(skipped, [["b", 3]]);
});
