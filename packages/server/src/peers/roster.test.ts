import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, test } from "node:test";
import {
  type Answer,
  askRoster,
  decodeRosterAnswer,
  encodeRosterAnswer,
  type Roster,
} from "./roster.ts";
import { createTestMember, ids, keyOf, type TestMember } from "./testing/two-members.ts";

const roster: Roster = {
  clusterId: "00000000000000c1",
  consensus: "raft",
  asOf: 7,
  members: [
    { id: ids.a, name: "a", peerUrls: ["http://127.0.0.1:1"], started: true, identity: "" },
  ],
};
const opened: TestMember[] = [];
after(() => Promise.all(opened.map(({ transport }) => transport.close())));

async function member(...given: Parameters<typeof createTestMember>): Promise<TestMember> {
  const made = createTestMember(...given);
  opened.push(made);
  await made.start();
  return made;
}

const answer = (): Answer => ({ kind: "roster", roster });
const asking = { key: keyOf(ids.b), urls: [], timeoutMs: 1_000 };
const asked = (port: number) => askRoster(`http://127.0.0.1:${port}`, asking);

test("who is about to join is told the members, without an identity to show", async () => {
  const a = await member(ids.a, 0, {}, { answer });
  assert.deepEqual(await asked(a.port), roster);
});

test("a port that does not answer as it should is named with the reason", async () => {
  const silent = await member(ids.a, 0, {});
  await assert.rejects(asked(silent.port), /127\.0\.0\.1:\d+: refused: it tells no members/);
  const junk = createServer((socket) => {
    socket.resume().end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  await new Promise<void>((done) => junk.listen(0, "127.0.0.1", done));
  const { port } = junk.address() as { port: number };
  await assert.rejects(asked(port), /does not speak the Althing peer protocol/);
  await new Promise((done) => junk.close(done));
  await assert.rejects(asked(port), /ECONNREFUSED/);
});

test("what is no roster is not taken for one", () => {
  const bytes = (value: object) => Buffer.from(JSON.stringify({ roster: value, joinProof: "" }));
  assert.deepEqual(decodeRosterAnswer(encodeRosterAnswer(roster, ""))?.roster, roster);
  for (const wrong of [
    {},
    { ...roster, clusterId: "c1" },
    { ...roster, asOf: "7" },
    { ...roster, members: [{ id: ids.a }] },
    { ...roster, members: [{ ...roster.members[0], peerUrls: [7] }] },
  ]) {
    assert.equal(decodeRosterAnswer(bytes(wrong)), undefined);
  }
  assert.equal(decodeRosterAnswer(Buffer.from("{")), undefined);
});

test("an answer is believed from one that knows the join secret, where there is one", async () => {
  const joinSecret = "a secret of some length";
  const open = await member(ids.a, 0, {}, { answer });
  const url = `http://127.0.0.1:${open.port}`;
  const ask = askRoster(url, { key: keyOf(ids.b), urls: [], joinSecret, timeoutMs: 1_000 });
  await assert.rejects(ask, /does not show this cluster's join secret/);
  const closed = await member(ids.a, 0, {}, { answer, joinSecret });
  const known = askRoster(`http://127.0.0.1:${closed.port}`, {
    key: keyOf(ids.b),
    urls: [],
    joinSecret,
    timeoutMs: 1_000,
  });
  assert.deepEqual(await known, roster);
});
