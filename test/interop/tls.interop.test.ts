// TLS on the client port, by the same flags for Althing and for etcd, seen by etcdctl: who is let in with which
// certificate, and whom a certificate makes a user. Whatever etcd turns away Althing turns away, and the
// other way round.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  type Certificate,
  createAuthority,
} from "../../packages/server/src/peers/testing/certificate.ts";
import { pemOf } from "../../packages/server/src/x509/der.ts";
import { Cluster, eventually } from "../cluster/cluster.ts";
import { type Program, whyMissing } from "../cluster/program.ts";

const skip =
  ["etcd", "etcdctl", "althing"].map(whyMissing).find((why) => why !== undefined) ?? false;
const timeout = 120_000;

const authority = createAuthority("authority");
const certificates = {
  server: authority.issue("server"),
  alice: authority.issue("alice", { hosts: ["alice.example"] }),
  bob: authority.issue("bob", { hosts: ["bob.example"] }),
  /** A user who is called as another's host is. */
  namesake: authority.issue("alice.example", { hosts: [] }),
  twoNames: authority.issue(["bob", "alice"]),
  serverOnly: authority.issue("alice", { hosts: ["alice.example"], usages: ["serverAuth"] }),
  stranger: createAuthority("another").issue("alice", { hosts: ["alice.example"] }),
};
type Holder = keyof typeof certificates;

/** A member under these flags, `{name}` being a file, and etcdctl for it. */
class Served implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly url: string;

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.url = cluster.member(0).spec.clientUrl.replace("http:", "https:");
  }

  static async start(program: Program, flags: readonly string[]): Promise<Served> {
    const cluster = await Cluster.start({ program, members: 1, isStopped: true });
    const served = new Served(cluster);
    const write = (name: string, content: string | Buffer) =>
      writeFileSync(served.#file(name), content);
    write("ca.pem", authority.cert);
    for (const [name, { cert, key }] of Object.entries<Certificate>(certificates)) {
      write(`${name}.pem`, cert);
      write(`${name}.key`, key);
    }
    const revoked = authority.revoke([certificates.bob]);
    write("revoked.der", revoked);
    write("revoked.pem", pemOf("X509 CRL", revoked));
    // As lists in use often are; etcd does not mind.
    write("overdue.der", authority.revoke([certificates.bob], Date.now() - 60_000));
    cluster
      .member(0)
      .start([
        `--listen-client-urls=${served.url}`,
        `--advertise-client-urls=${served.url}`,
        ...flags.map((flag) => flag.replace(/\{(.*)\}/, (_, name) => served.#file(name))),
      ]);
    return served;
  }

  async ctl(holder: Holder | "nobody", ...args: readonly string[]) {
    const trust = [
      "--endpoints",
      this.url,
      "--insecure-skip-tls-verify",
      "--insecure-transport=false",
    ];
    const shown =
      holder === "nobody"
        ? []
        : ["--cert", this.#file(`${holder}.pem`), "--key", this.#file(`${holder}.key`)];
    const limits = ["--command-timeout=1500ms", "--dial-timeout=1500ms"];
    const env = { ...process.env, ETCDCTL_API: "3" };
    return await new Promise<{ isDone: boolean; out: string; err: string }>((resolve) => {
      execFile("etcdctl", [...trust, ...shown, ...limits, ...args], { env }, (error, out, err) =>
        resolve({ isDone: error === null, out, err }),
      );
    });
  }

  /** Once somebody is served the others' being refused means something. */
  async until(holder: Holder | "nobody"): Promise<void> {
    await eventually(`${holder} is served`, 20_000, async () => {
      return (await this.ctl(holder, "get", "ready?")).isDone;
    });
  }

  log(): string {
    return this.#cluster.logs(30);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster.stop();
  }

  #file(name: string): string {
    return join(this.#cluster.folder, name);
  }
}

const pair = ["--cert-file={server.pem}", "--key-file={server.key}"];
const trusted = [...pair, "--trusted-ca-file={ca.pem}"];
const everybody = ["nobody", "alice", "bob", "namesake", "serverOnly", "stranger"] as const;

const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["a certificate of its own", pair, everybody],
  ["an authority is named", trusted, ["alice", "bob", "namesake"]],
  [
    "and certificates are asked for",
    [...trusted, "--client-cert-auth"],
    ["alice", "bob", "namesake"],
  ],
  [
    "some were revoked (DER)",
    [...trusted, "--client-crl-file={revoked.der}"],
    ["alice", "namesake"],
  ],
  [
    "some were revoked (PEM)",
    [...trusted, "--client-crl-file={revoked.pem}"],
    ["alice", "namesake"],
  ],
  [
    "by a list that is overdue",
    [...trusted, "--client-crl-file={overdue.der}"],
    ["alice", "namesake"],
  ],
  ["one host name", [...trusted, "--client-cert-allowed-hostname=alice.example"], ["alice"]],
  ["a certificate is made", ["--auto-tls"], everybody],
];

for (const [name, flags, served] of cases) {
  test(`who is let in: ${name}`, { skip, timeout }, async () => {
    const sides = await Promise.all(
      (["etcd", "althing"] as const).map(async (program) => {
        await using member = await Served.start(program, flags);
        await member.until("alice");
        const letIn = [];
        for (const holder of everybody) {
          if ((await member.ctl(holder, "put", holder, "v")).isDone) letIn.push(holder);
        }
        return letIn;
      }),
    );
    assert.deepEqual(sides, [served, served]);
  });
}

test("a certificate makes its holder a user, where --client-cert-auth says so", {
  skip,
  timeout,
}, async () => {
  const steps = async (program: Program, flags: readonly string[]) => {
    await using member = await Served.start(program, flags);
    await member.until("alice");
    const done = async (holder: Holder, ...args: readonly string[]) => {
      const { isDone, err } = await member.ctl(holder, ...args);
      return isDone ? "done" : /etcdserver: [^"}]*/.exec(err)?.[0].trim();
    };
    const setUp = [
      ["user", "add", "root:secret"],
      ["user", "grant-role", "root", "root"],
      ["user", "add", "alice:unused"],
      ["role", "add", "reader"],
      ["role", "grant-permission", "reader", "readwrite", "mine"],
      ["user", "grant-role", "alice", "reader"],
      ["auth", "enable"],
    ];
    for (const step of setUp) assert.equal(await done("alice", ...step), "done", step.join(" "));
    return {
      own: await done("alice", "put", "mine", "v"),
      others: await done("alice", "put", "theirs", "v"),
      unknown: await done("bob", "put", "mine", "v"),
      twoNames: await done("twoNames", "put", "mine", "v"),
      admin: await done("alice", "user", "list"),
      byPassword: await done("bob", "--user", "root:secret", "put", "theirs", "v"),
      tokenFirst: await done("alice", "--user", "root:secret", "put", "theirs", "v"),
    };
  };
  const flags = [...trusted, "--client-cert-auth"];
  const named = await Promise.all([steps("etcd", flags), steps("althing", flags)]);
  assert.deepEqual(named[1], named[0]);
  const { own, others, twoNames, byPassword, tokenFirst } = named[1];
  assert.deepEqual(
    { own, others, twoNames, byPassword, tokenFirst },
    {
      own: "done",
      twoNames: "done",
      others: "etcdserver: permission denied",
      byPassword: "done",
      tokenFirst: "done",
    },
  );
  const unnamed = await Promise.all([steps("etcd", trusted), steps("althing", trusted)]);
  assert.deepEqual(unnamed[1], unnamed[0]);
  assert.equal(unnamed[1].own, "etcdserver: user name is empty");
});
