import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { type AuthChange, encodeCommand } from "@althing/store";
import { Althing, AlthingError } from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "althing-embedded-"));
after(() => rmSync(root, { recursive: true, force: true }));

for (const engine of ["disk", "memory"] as const) {
  test(`an embedded member keeps what it acknowledged (${engine})`, async () => {
    const options = { dataDir: join(root, engine), engine, logLevel: "error" } as const;
    const first = await Althing.open(options);
    const revision = await first.put("config/é", "one");
    assert.equal(await first.put("config/é", new Uint8Array([0, 255])), revision + 1);
    await first.put("config/b", "two");
    await first.put("other", "x");
    assert.equal(await first.delete("other"), true);
    assert.equal(await first.delete("other"), false);
    await first.close();

    await using again = await Althing.open(options);
    assert.deepEqual(await again.get("config/é"), {
      key: "config/é",
      value: new Uint8Array([0, 255]),
      text: "\0\ufffd",
      version: 2,
      createRevision: revision,
      modRevision: revision + 1,
    });
    assert.equal(await again.get("other"), undefined);
    assert.deepEqual(
      (await again.list("config/")).map((entry) => entry.key),
      ["config/b", "config/é"],
    );
    assert.equal((await again.list("")).length, 2);
  });
}

test("errors are coded, and say whether the write can have happened", async () => {
  await using althing = await Althing.open({ dataDir: join(root, "errors"), logLevel: "error" });
  await assert.rejects(althing.put("", "x"), (error) => {
    assert.ok(error instanceof AlthingError);
    assert.deepEqual([error.code, error.outcome], ["keyEmpty", "notExecuted"]);
    return true;
  });
  await assert.rejects(althing.put("big", new Uint8Array(2_000_000)), (error) => {
    assert.ok(error instanceof AlthingError);
    assert.deepEqual([error.code, error.outcome], ["tooLarge", "notExecuted"]);
    return true;
  });
});

test("an https URL is served by TLS or refused, never in clear text", async () => {
  const dataDir = join(root, "tls");
  const clientUrls = ["https://127.0.0.1:0"];
  const open = (more: object) => Althing.open({ dataDir, logLevel: "error", ...more });
  const cases: [object, RegExp][] = [
    [{ clientUrls }, /clientUrls has an https URL: give clientTls/],
    [{ clientUrls, clientTls: { trustedCaFile: "ca.pem" } }, /give clientTls/],
    [{ clientUrls: ["http://127.0.0.1:0"], clientTls: { autoTls: true } }, /would do nothing/],
    [{ cluster: "a=https://127.0.0.1:1", name: "a" }, /cluster has an https URL: give peerTls/],
    [{ peerTls: { autoTls: true } }, /with cluster only/],
    [{ clientUrls, clientTls: { certFile: "none.pem", keyFile: "none.key" } }, /cannot be read/],
  ];
  for (const [options, message] of cases) await assert.rejects(open(options), { message });

  await using member = await open({ clientUrls, clientTls: { autoTls: true } });
  const url = new URL(member.server.clientUrls[0] ?? "");
  assert.equal(url.protocol, "https:");
  const port = Number(url.port);
  const request = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const heard = async (socket: NodeJS.ReadWriteStream) => {
    let text = "";
    socket.write(request);
    for await (const chunk of socket) text += chunk;
    return text;
  };
  const trusted = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  assert.match(await heard(trusted), /^HTTP\/1\.1 200 /);
  const clear = await heard(connect(port, "127.0.0.1")).catch(() => "");
  assert.doesNotMatch(clear, /HTTP/);
});

test("an embedded member goes on writing where auth is enabled", async () => {
  await using member = await Althing.open({ dataDir: join(root, "auth"), logLevel: "error" });
  const change = (what: AuthChange) =>
    new Promise((resolve) => {
      const command = encodeCommand({ kind: "auth", change: what });
      member.server.member.propose(command, resolve);
    });
  await change({ kind: "addUser", user: "root", password: "", hasPassword: true });
  await change({ kind: "grantRole", user: "root", role: "root" });
  // What was asked before it knew of that is written too.
  await Promise.all([change({ kind: "enable" }), member.put("k", "meanwhile")]);
  assert.equal(member.server.auth.enabled, true);
  await member.put("k", "v");
  assert.equal((await member.get("k"))?.text, "v");
});

test("a data directory in use is refused, and a closed one is free again", async () => {
  const options = { dataDir: join(root, "shared"), logLevel: "error" } as const;
  const first = await Althing.open(options);
  await assert.rejects(Althing.open(options), { name: "DataDirectoryError", code: "locked" });
  await first.close();
  await (await Althing.open(options)).close();
});

test("three members in three places of one process form a cluster", async () => {
  const ports = [26180, 26181, 26182];
  const cluster = ports.map((port, i) => `m${i + 1}=http://127.0.0.1:${port}`).join(",");
  const members = await Promise.all(
    ports.map((_, i) =>
      Althing.open({
        dataDir: join(root, `three-${i}`),
        name: `m${i + 1}`,
        cluster,
        logLevel: "error",
      }),
    ),
  );
  try {
    await members[0]!.put("k", "v");
    for (const member of members) assert.equal((await member.get("k"))?.text, "v");
  } finally {
    await Promise.all(members.map((member) => member.close()));
  }
});
