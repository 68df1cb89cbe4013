// Data directories from before there were keys, and addresses that a log of that time may hold: the members
// come back, know each other, and publish their keys.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { encodeCommand } from "@althing/store";
import { InProcessCluster, type Running, until } from "../doors/etcd/testing/in-process-cluster.ts";

const clusters: InProcessCluster[] = [];
after(() => Promise.all(clusters.map((cluster) => cluster.close())));

async function founded(names: readonly string[]) {
  const cluster = new InProcessCluster();
  clusters.push(cluster);
  const members = await cluster.found(names);
  await until(() => published(members[0]!).every(({ incarnation }) => incarnation !== ""));
  await until(() => published(members[0]!).length === names.length);
  return { cluster, members };
}

const published = ({ server }: Running) => server.member.roster();

function propose({ server }: Running, command: Uint8Array): Promise<string> {
  return new Promise((done) => server.member.propose(command, ({ kind }) => done(kind)));
}

const names = ["m1", "m2", "m3"];
const formerOf = (id: string) => `${id.slice(0, 15)}f`;

/**
 * Members as the version before keys left them in the replicated state. A member of today fails when it reads
 * that of itself, sometimes before all of it is committed, or has reached everybody: then it is tried with others. One
 * that came back without it would hold the others to keys that no version of old ever had, and let nobody in.
 */
async function leftByOldVersion(): Promise<InProcessCluster> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const { cluster, members } = await founded(names);
    const outcomes = await Promise.all(
      published(members[0]!).map((one) =>
        propose(
          members[0]!,
          encodeCommand({ kind: "publishMember", ...one, incarnation: formerOf(one.member) }),
        ),
      ),
    );
    const isEverywhere = () =>
      members.every((member) =>
        published(member).every(({ member: id, incarnation }) => incarnation === formerOf(id)),
      );
    const isLeft =
      outcomes.every((outcome) => outcome === "applied") &&
      (await until(isEverywhere, 1_000).then(
        () => true,
        () => false,
      ));
    await Promise.all([...cluster.running].map((member) => cluster.stop(member)));
    if (isLeft) return cluster;
  }
  assert.fail("members failed before they had read what the version of old left");
}

test("members known by secrets of old know each other by keys after an upgrade", async () => {
  const cluster = await leftByOldVersion();
  for (const name of names) {
    const path = join(cluster.folder, name, "identity.json");
    const { privateKey, ...identity } = JSON.parse(readFileSync(path, "utf8"));
    assert.equal(typeof privateKey, "string");
    const older = { ...identity, incarnation: formerOf(identity.memberId) };
    writeFileSync(path, JSON.stringify(older));
  }

  const again = await Promise.all(names.map((name) => cluster.start(name)));
  await until(() => published(again[0]!).every(({ incarnation }) => incarnation.length === 43));
  for (const { name, server } of again) {
    const path = join(cluster.folder, name, "identity.json");
    const { incarnation, formerIncarnation } = JSON.parse(readFileSync(path, "utf8"));
    assert.equal(formerIncarnation, formerOf(server.memberId));
    await until(() =>
      published(again[0]!).some((one) => one.incarnation === incarnation && one.name === name),
    );
  }
  // From here on they are known by their keys.
  await cluster.stop(again[2]!);
  const back = await cluster.start("m3");
  const compact = encodeCommand({ kind: "compact", revision: 1 });
  assert.equal(await propose(back, compact), "applied");
});

test("addresses that nobody can call, in a log of old, harm nobody", async () => {
  const { cluster, members } = await founded(["m1", "m2", "m3"]);
  const [first] = members;
  const odd = published(first!).find(({ member }) => member !== first!.server.memberId)!;
  // Beside one that can be called: whom nobody can call, nobody can answer.
  const peerUrls = ["not a url", "http://127.0.0.1:99999", ...odd.peerUrls];
  assert.equal(
    await propose(first!, encodeCommand({ kind: "publishMember", ...odd, peerUrls })),
    "applied",
  );
  await until(() =>
    members.every((member) =>
      published(member).some((one) => one.member === odd.member && one.peerUrls[0] === "not a url"),
    ),
  );
  const compact = encodeCommand({ kind: "compact", revision: 1 });
  assert.equal(await propose(first!, compact), "applied");
  // And at every later start.
  await cluster.stop(first!);
  const back = await cluster.start(first!.name);
  await back.server.ready();
  assert.notEqual(back.server.member.status().state, "failed");
});
