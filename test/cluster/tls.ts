// Certificates for a cluster of real processes: one authority, which vouches for the members under their addresses
// and for the tests' clients. Whoever shows none of them is let in on neither port.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { createAuthority } from "../../packages/server/src/peers/testing/certificate.ts";

export interface ClusterTls {
  /** For every member. */
  readonly flags: readonly string[];
  readonly client: ConnectionOptions;
  /** The same for etcdctl and for `althing`. */
  readonly clientFlags: readonly string[];
}

export function makeClusterTls(folder: string, hosts: readonly string[]): ClusterTls {
  const authority = createAuthority("the tests' authority");
  const member = authority.issue("member", { hosts: [...new Set([...hosts, "localhost"])] });
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const ca = file("ca.pem", authority.cert);
  const [cert, key] = [file("member.pem", member.cert), file("member.key", member.key)];
  const client = authority.issue("client");
  const clientFlags = [
    `--cacert=${ca}`,
    `--cert=${file("client.pem", client.cert)}`,
    `--key=${file("client.key", client.key)}`,
  ];
  return {
    clientFlags,
    flags: ["", "peer-"].flatMap((prefix) => [
      `--${prefix}cert-file=${cert}`,
      `--${prefix}key-file=${key}`,
      `--${prefix}trusted-ca-file=${ca}`,
    ]),
    // By a relay's socket a member has no name but this.
    client: { ...client, ca: authority.cert, servername: "localhost" },
  };
}
