// A cluster with mutual TLS on both ports, as the flags set it up, and the command talking to it.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type Certificate,
  createAuthority,
} from "../../../server/src/peers/testing/certificate.ts";
import { AlthingProcess, althing } from "./testing/althing-process.ts";

const root = mkdtempSync(join(tmpdir(), "althing-tls-"));
const ports = [26100, 26102, 26104];
const members: AlthingProcess[] = [];
const endpoints = ports.map((port) => `https://127.0.0.1:${port}`);
const file = (name: string) => join(root, name);

function write(name: string, certificate: Certificate): void {
  writeFileSync(file(`${name}.pem`), certificate.cert);
  writeFileSync(file(`${name}.key`), certificate.key);
}

before(async () => {
  const authority = createAuthority("test authority");
  write("ca", authority);
  write("member", authority.issue("member"));
  write("client", authority.issue("client"));
  write("stranger", createAuthority("somebody else").issue("client"));
  const peer = (port: number) => `https://127.0.0.1:${port + 1}`;
  const cluster = ports.map((port, i) => `m${i + 1}=${peer(port)}`).join(",");
  for (const [i, port] of ports.entries()) {
    members.push(
      new AlthingProcess([
        "start",
        `--name=m${i + 1}`,
        `--data-dir=${file(`m${i + 1}`)}`,
        `--listen-client-urls=https://127.0.0.1:${port}`,
        `--advertise-client-urls=https://127.0.0.1:${port}`,
        `--listen-peer-urls=${peer(port)}`,
        `--initial-advertise-peer-urls=${peer(port)}`,
        `--initial-cluster=${cluster}`,
        ...["", "peer-"].flatMap((prefix) => [
          `--${prefix}cert-file=${file("member.pem")}`,
          `--${prefix}key-file=${file("member.key")}`,
          `--${prefix}trusted-ca-file=${file("ca.pem")}`,
          `--${prefix}client-cert-auth`,
        ]),
        "--peer-cert-allowed-cn=member",
        "--log-format=json",
      ]),
    );
  }
  await Promise.all(members.map((member) => member.says(/this member (leads|follows)/)));
});
after(async () => {
  for (const member of members) member.child.kill("SIGTERM");
  const ended = await Promise.all(members.map((member) => member.finished));
  rmSync(root, { recursive: true, force: true });
  assert.deepEqual(
    ended.map((one) => one.code),
    [0, 0, 0],
  );
});

const trusted = ["--cacert", file("ca.pem")];
const identified = [...trusted, "--cert", file("client.pem"), "--key", file("client.key")];

test("a client with a certificate of the authority is served by every member", async () => {
  const put = await althing(["put", "k", "v", "--endpoints", endpoints[0]!, ...identified]);
  assert.deepEqual(put, { code: 0, out: "OK\n", err: "" });
  for (const endpoint of endpoints) {
    const got = await althing(["get", "k", "--endpoints", endpoint, ...identified]);
    assert.deepEqual(got, { code: 0, out: "k\nv\n", err: "" });
  }
});

test("without a certificate, with a stranger's, or without TLS nobody is served", async () => {
  const stranger = ["--cert", file("stranger.pem"), "--key", file("stranger.key")];
  const endpoint = endpoints[0]!;
  const cases: [string[], RegExp][] = [
    [["--endpoints", endpoint, ...trusted], /client's certificate.*: give --cert and --key/],
    [
      ["--endpoints", endpoint, ...trusted, ...stranger],
      /client's certificate.*: give --cert and --key/,
    ],
    [["--endpoints", endpoint], /certificate is not trusted.*--cacert/],
    [["--endpoints", "http://127.0.0.1:26100"], /may speak TLS \(use https/],
  ];
  for (const [args, reason] of cases) {
    const done = await althing(["get", "k", ...args]);
    assert.equal(done.code, 2, done.out);
    assert.match(done.err, reason);
    // Somebody hung up: to ask whether a cluster runs would lead astray.
    assert.doesNotMatch(done.err, /Is a cluster running/);
  }
});
