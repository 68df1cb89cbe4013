// Text from operators and from addresses that others publish: flags, config files, URLs, durations, options of tokens,
// lists of members. Every mistake is a ConfigError that names the flag, whatever the text.

import { deepStrictEqual } from "node:assert/strict";
import {
  ConfigError,
  gatherSettings,
  parseDurationMs,
  parseInitialCluster,
  resolveConfig,
} from "../../../packages/server/src/config/index.ts";
import { readTokenOptions } from "../../../packages/server/src/doors/etcd/auth/token-options.ts";
import { parseListenUrl, parsePeerUrl } from "../../../packages/server/src/peers/peer-url.ts";
import { hostOf, originOf, visitorOf } from "../../../packages/server/src/transport/index.ts";
import { parseRevocationList } from "../../../packages/server/src/x509/revocation-list.ts";
import { accepted, PropertyBroken, type Target } from "../target.ts";

const isRefusal = (error: unknown) => error instanceof ConfigError;

const parsers: readonly ((text: string, bytes: Buffer) => void)[] = [
  (text) => {
    const gathered = accepted(
      () => gatherSettings({ args: text.split("\n"), environment: {}, readFile: () => "" }),
      isRefusal,
    );
    if (gathered !== undefined) accepted(() => resolveConfig(gathered.settings), isRefusal);
  },
  (text) => {
    const sources = { args: ["--config-file=a"], environment: {}, readFile: () => text };
    const gathered = accepted(() => gatherSettings(sources), isRefusal);
    if (gathered !== undefined) accepted(() => resolveConfig(gathered.settings), isRefusal);
  },
  (text) => {
    const url = parsePeerUrl(text);
    if (url === undefined) return;
    deepStrictEqual(parseListenUrl(text), url);
    // The path of a socket may hold what no URL does.
    if (url.place.kind === "tcp" && !URL.canParse(text))
      throw new PropertyBroken("an address that is no URL");
  },
  (text) => {
    const ms = parseDurationMs(text);
    if (ms !== undefined && Number.isNaN(ms))
      throw new PropertyBroken("a duration that is no number");
    accepted(() => parseInitialCluster(text), isRefusal);
  },
  (text) => {
    accepted(() => readTokenOptions(text, 300), isRefusal);
    hostOf(text);
    originOf(text);
    visitorOf(text);
  },
  (_text, bytes) => {
    accepted(
      () => parseRevocationList(bytes),
      (error) => error instanceof RangeError,
    );
  },
];

export const target: Target = {
  name: "settings",
  seeds: () =>
    [
      [0, "--name=a\n--listen-client-urls=http://127.0.0.1:1\n--advertise-client-urls=http://a:1"],
      [
        0,
        "--election-timeout\n1000\n--heartbeat-interval=100\n--protocol=paxos\n--paxos-quorums=2,2",
      ],
      [
        0,
        "--cors=https://a\n--host-whitelist=a\n--auto-compaction-retention=1h\n--quota-backend-bytes=5",
      ],
      [
        1,
        "name: a\nlisten-client-urls: http://127.0.0.1:1\nadvertise-client-urls: [http://a:1]\nclient-transport-security:\n  cert-file: a\n  auto-tls: true\n",
      ],
      [1, "initial-cluster: a=http://127.0.0.1:1\nauto-compaction-retention: 1000000000\n"],
      [2, "http://127.0.0.1:2380"],
      [2, "https://[::1]:2380/"],
      [2, "unix:///tmp/a"],
      [3, "1h30m500ms"],
      [3, "a=http://a:1,b=https://b:2,a=http://c:3"],
      [4, "jwt,sign-method=HS256,priv-key=/none,ttl=10m,audience=a"],
      [4, "simple"],
      [4, "[fe80::1%eth0]:80"],
      [5, "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----"],
    ].map(([which, text]) =>
      Buffer.concat([Buffer.from([which as number]), Buffer.from(text as string)]),
    ),
  dictionary: [
    "--",
    "=",
    "\n",
    "constructor",
    "__proto__",
    "length",
    "http://",
    ":0",
    "[::1]",
    "%",
    "&a",
    "*a",
    "0x",
    "-",
    "1e9",
    "ns",
    Buffer.from("3082", "hex"),
  ],
  run(input) {
    const bytes = input.subarray(1);
    parsers[(input[0] ?? 0) % parsers.length]!(bytes.toString("utf8"), bytes);
  },
};
