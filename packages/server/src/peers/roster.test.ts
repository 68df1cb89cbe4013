import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, test } from "node:test";
import type { PeerMessage } from "@althing/member";
import { askRoster, decodeRoster, encodeRoster, type Roster } from "./roster.ts";
import { connectedTo, createTestMember, ids, type TestMember } from "./testing/two-members.ts";

const roster: Roster = {
  clusterId: "00000000000000c1",
  consensus: "raft",
  members: [{ id: ids.a, name: "a", peerUrls: ["http://127.0.0.1:1"], started: true }],
};
const opened: TestMember[] = [];
after(() => Promise.all(opened.map(({ transport }) => transport.close())));

async function member(...given: Parameters<typeof createTestMember>): Promise<TestMember> {
  const made = createTestMember(...given);
  opened.push(made);
  await made.start();
  return made;
}

const asked = (port: number) => askRoster(`http://127.0.0.1:${port}`, { timeoutMs: 1_000 });

test("who is about to join is told the members, without an identity to show", async () => {
  const a = await member(ids.a, 0, {}, { roster: () => roster });
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
  assert.deepEqual(decodeRoster(encodeRoster(roster)), roster);
  for (const wrong of [
    {},
    { ...roster, clusterId: "c1" },
    { ...roster, members: [{ id: ids.a }] },
    { ...roster, members: [{ ...roster.members[0], peerUrls: ["nowhere"] }] },
  ]) {
    assert.equal(decodeRoster(Buffer.from(JSON.stringify(wrong))), undefined);
  }
  assert.equal(decodeRoster(Buffer.from("{")), undefined);
});

test("a caller that may be a member is called back, until this member knows better", async () => {
  const away = await member(ids.a, 0, {});
  const port = 30_190;
  const joined = await member(
    ids.b,
    port,
    { [ids.a]: away.port },
    { ownUrls: [`http://127.0.0.1:${port}`] },
  );
  if (!away.told.some(connectedTo(ids.b))) await away.until(connectedTo(ids.b));
  const note: PeerMessage = { kind: "stateHash", index: 1, hash: 2 };
  const heard = joined.until(({ kind }) => kind === "receive");
  away.transport.send(ids.b, note);
  assert.deepEqual((await heard).detail, note);

  away.transport.update([]);
  assert.deepEqual(
    away.transport.stats().map(({ id }) => id),
    [ids.b],
  );
  away.refuse = () => "it is no member";
  away.transport.update([]);
  assert.deepEqual(away.transport.stats(), []);
});
