// A cluster of three with TLS on both ports: with certificates that the members make for themselves, for which no
// other program is needed, and with an authority, where whoever calls a peer port shows a certificate of it.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { althing } from "../../packages/althing/src/cli/testing/althing-process.ts";
import {
  type Certificate,
  createAuthority,
} from "../../packages/server/src/peers/testing/certificate.ts";
import { Cluster, eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { whyMissing } from "../cluster/program.ts";

const skip = whyMissing("althing") ?? false;
const timeout = 120_000;

const secure = (url: string) => url.replace("http:", "https:");

/** A cluster whose members call each other and are called by https. */
async function stoppedCluster(env: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  return await Cluster.start({ program: "althing", isStopped: true, isSecure: false, env });
}

function startSecure(cluster: Cluster, member: MemberProcess, flags: readonly string[]): void {
  const { clientUrl, peerUrl } = member.spec;
  const all = cluster.members.map(({ name, spec }) => `${name}=${secure(spec.peerUrl)}`);
  member.start([
    `--listen-client-urls=${secure(clientUrl)}`,
    `--advertise-client-urls=${secure(clientUrl)}`,
    `--listen-peer-urls=${secure(peerUrl)}`,
    `--initial-advertise-peer-urls=${secure(peerUrl)}`,
    `--initial-cluster=${all.join(",")}`,
    ...flags,
  ]);
}

/** What is read at every member is what was written at the first. */
async function assertServes(
  members: readonly MemberProcess[],
  value: string,
  flags: readonly string[],
): Promise<void> {
  const at = (member: MemberProcess) => ["--endpoints", secure(member.spec.clientUrl), ...flags];
  await eventually(`"${value}" is written`, 30_000, async () => {
    return (await althing(["put", "k", value, ...at(members[0]!)])).code === 0;
  });
  for (const member of members) {
    const got = await althing(["get", "k", ...at(member)]);
    assert.deepEqual(got, { code: 0, out: `k\n${value}\n`, err: "" }, member.name);
  }
}

test("members make certificates for themselves, serve under them, and keep them over a restart", {
  skip,
  timeout,
}, async () => {
  await using cluster = await stoppedCluster();
  const flags = ["--auto-tls", "--peer-auto-tls", "--self-signed-cert-validity=3"];
  const { members } = cluster;
  for (const member of members) startSecure(cluster, member, flags);
  await assertServes(members, "one", ["--insecure-skip-tls-verify"]);
  const certificates = () =>
    members.flatMap((member) =>
      ["client", "peer"].map((port) =>
        readFileSync(join(member.spec.dataDir, "fixtures", port, "cert.pem"), "utf8"),
      ),
    );
  const made = certificates();
  assert.equal(new Set(made).size, 6);
  const first = new X509Certificate(made[0] ?? "");
  const years = (Date.parse(first.validTo) - Date.now()) / (365 * 24 * 3_600_000);
  assert.equal(Math.round(years), 3);
  // Whoever was given the very certificate knows who answers.
  const [one] = members;
  assert.ok(one);
  const given = ["--cacert", join(one.spec.dataDir, "fixtures", "client", "cert.pem")];
  await assertServes([one], "two", given);

  await Promise.all(members.map((member) => member.stop()));
  for (const member of members) startSecure(cluster, member, flags);
  await assertServes(members, "three", ["--insecure-skip-tls-verify"]);
  assert.deepEqual(certificates(), made);
  assert.match(one.log(), /nobody vouches for/);
});

interface Greeting {
  readonly certificate?: Certificate;
}

/** Whether a peer port goes on with somebody after the handshake. */
async function isHeard(member: MemberProcess, { certificate }: Greeting): Promise<boolean> {
  const { hostname, port } = new URL(member.spec.peerUrl);
  return await new Promise((resolve) => {
    const socket = connectTls({
      host: hostname,
      port: Number(port),
      rejectUnauthorized: false,
      ...(certificate ?? {}),
    });
    const patience = setTimeout(() => {
      socket.destroy();
      resolve(true);
    }, 700);
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(patience);
      resolve(false);
    });
  });
}

test("where an authority is named, the peer port hears nobody without a certificate of it", {
  skip,
  timeout,
}, async () => {
  await using cluster = await stoppedCluster();
  const file = (name: string, content: string | Buffer): string => {
    const path = join(cluster.folder, name);
    writeFileSync(path, content);
    return path;
  };
  const authority = createAuthority("authority");
  const member = authority.issue("member");
  // Without --peer-client-cert-auth.
  const flags = ["", "peer-"].flatMap((prefix) => [
    `--${prefix}cert-file=${file("member.pem", member.cert)}`,
    `--${prefix}key-file=${file("member.key", member.key)}`,
    `--${prefix}trusted-ca-file=${file("ca.pem", authority.cert)}`,
  ]);
  for (const one of cluster.members) startSecure(cluster, one, flags);
  const shown = ["--cacert", "ca.pem", "--cert", "member.pem", "--key", "member.key"];
  const identity = shown.map((word) => (word.startsWith("--") ? word : join(cluster.folder, word)));
  await assertServes(cluster.members, "one", identity);
  const [target] = cluster.members;
  assert.ok(target);
  const stranger = createAuthority("another").issue("member");
  assert.deepEqual(
    {
      nobody: await isHeard(target, {}),
      stranger: await isHeard(target, { certificate: stranger }),
      member: await isHeard(target, { certificate: member }),
    },
    { nobody: false, stranger: false, member: true },
  );
});

test("without an authority of their own, members trust those that Node.js knows and no others", {
  skip,
  timeout,
}, async () => {
  const authority = createAuthority("authority");
  const member = authority.issue("member");
  const start = async (cluster: Cluster): Promise<void> => {
    const file = (name: string, content: string): string => {
      const path = join(cluster.folder, name);
      writeFileSync(path, content);
      return path;
    };
    const flags = [
      "--auto-tls",
      `--peer-cert-file=${file("member.pem", member.cert)}`,
      `--peer-key-file=${file("member.key", member.key)}`,
    ];
    for (const one of cluster.members) startSecure(cluster, one, flags);
    await eventually("the members were warned", 20_000, () =>
      cluster.members.every((one) => /--peer-cert-file without --peer-trusted-ca/.test(one.log())),
    );
  };
  {
    await using cluster = await stoppedCluster();
    await start(cluster);
    await eventually("the members cannot verify each other", 20_000, () =>
      cluster.members.every((one) => /is not to be reached: .*unable to verify/.test(one.log())),
    );
    assert.doesNotMatch(cluster.logs(1000), /this member leads/);
  }
  const folder = mkdtempSync(join(tmpdir(), "althing-known-"));
  const known = join(folder, "ca.pem");
  writeFileSync(known, authority.cert);
  try {
    await using cluster = await stoppedCluster({ NODE_EXTRA_CA_CERTS: known });
    await start(cluster);
    await assertServes(cluster.members, "one", ["--insecure-skip-tls-verify"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
