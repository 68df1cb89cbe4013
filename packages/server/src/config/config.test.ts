import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultConfig, resolveConfig } from "./config.ts";
import { ConfigError } from "./config-error.ts";
import { flags } from "./flags.ts";
import { gatherSettings, type Sources } from "./sources.ts";

function configOf(args: string[], more: Partial<Sources> = {}) {
  const gathered = gatherSettings({ args, environment: {}, ...more });
  const resolved = resolveConfig(gathered.settings);
  return { ...resolved, warnings: [...gathered.warnings, ...resolved.warnings] };
}

function errorOf(args: string[], more: Partial<Sources> = {}): string {
  try {
    configOf(args, more);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  assert.fail(`accepted: ${args.join(" ")}`);
}

test("no flags at all make a single member at etcd's addresses", () => {
  const { config, warnings } = configOf([]);
  assert.deepEqual(warnings, []);
  assert.deepEqual(config, defaultConfig());
  assert.deepEqual(config.initialCluster, [
    { name: "default", peerUrls: ["http://localhost:2380"] },
  ]);
  assert.equal(config.dataDir, "default.althing");
  assert.deepEqual(config.listenClientUrls, ["http://localhost:2379"]);
  assert.equal(config.quotaBackendBytes, 2 * 1024 ** 3);
  assert.deepEqual(config.autoCompaction, { mode: "off" });
});

const three = [
  "--name=m1",
  "--listen-client-urls=http://127.0.0.1:2379",
  "--advertise-client-urls=http://127.0.0.1:2379",
  "--listen-peer-urls=http://127.0.0.1:2380",
  "--initial-advertise-peer-urls=http://127.0.0.1:2380",
  "--initial-cluster=m1=http://127.0.0.1:2380,m2=http://127.0.0.1:22380,m3=http://127.0.0.1:32380",
];

test("a script that starts etcd starts Althing", () => {
  const { config, warnings } = configOf([
    ...three,
    "--data-dir",
    "/var/lib/m1",
    "-initial-cluster-state",
    "new",
    "-initial-cluster-token=t1",
    "--heartbeat-interval=50",
    "--election-timeout",
    "250",
    "--snapshot-count=5000",
    "--quota-backend-bytes=-1",
    "--auto-compaction-mode=revision",
    "--auto-compaction-retention=1000",
    "--logger=zap",
    "--log-level=warn",
    "--enable-pprof",
    "--experimental-warning-apply-duration=1s",
  ]);
  assert.equal(config.dataDir, "/var/lib/m1");
  assert.equal(config.initialClusterToken, "t1");
  assert.deepEqual([config.heartbeatIntervalMs, config.electionTimeoutMs], [50, 250]);
  assert.equal(config.snapshotCount, 5000);
  assert.equal(config.quotaBackendBytes, -1);
  assert.deepEqual(config.autoCompaction, { mode: "revision", revisions: 1000 });
  assert.equal(config.logLevel, "warn");
  assert.deepEqual(
    config.initialCluster.map((member) => member.name),
    ["m1", "m2", "m3"],
  );
  assert.equal(config.slowApplyMs, 1000);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /--enable-pprof=true is known from etcd and has no effect here/);
});

test("every flag of the table is taken from the line, the environment and a file", () => {
  for (const flag of flags) {
    if (flag.name === "config-file") continue;
    const value = flag.fallback || (flag.choices?.[0] ?? "");
    const name = `ALTHING_${flag.name.toUpperCase().replaceAll("-", "_")}`;
    const environment = value === "" ? {} : { [name]: value };
    const readFile = () => JSON.stringify({ [flag.name]: value });
    gatherSettings({ args: [`--${flag.name}=${value}`], environment });
    gatherSettings({ args: ["--config-file=f"], environment: {}, readFile });
    const [setting] = gatherSettings({ args: [], environment }).settings;
    assert.equal(setting?.[1].value ?? "", value);
  }
});

test("the command line beats the environment, and ETCD_ names are not read", () => {
  const environment = { ALTHING_NAME: "e", ALTHING_SNAPSHOT_COUNT: "7", ETCD_DATA_DIR: "/etcd" };
  const { config } = configOf(["--name", "c"], { environment });
  assert.deepEqual([config.name, config.snapshotCount, config.dataDir], ["c", 7, "c.althing"]);
});

test("a config file stands alone, with TLS in groups and durations in nanoseconds", () => {
  const yaml = `
name: m1
data-dir: /data
listen-client-urls: https://127.0.0.1:2379
advertise-client-urls: [https://127.0.0.1:2379]
heartbeat-interval: 20
election-timeout: 200
auto-compaction-retention: "30m"
grpc-keepalive-interval: 7200000000000
client-transport-security:
  cert-file: c.pem
  key-file: k.pem
  client-cert-auth: true
  trusted-ca-file: ca.pem
listen-peer-urls: https://127.0.0.1:2380
initial-advertise-peer-urls: https://127.0.0.1:2380
peer-transport-security:
  cert-file: p.pem
  key-file: pk.pem
  trusted-ca-file: pca.pem
  allowed-cn: member
`;
  const { config, warnings } = configOf(["--config-file=f.yaml", "--name=other"], {
    environment: { ALTHING_DATA_DIR: "/other" },
    readFile: () => yaml,
  });
  assert.equal(config.name, "m1");
  assert.equal(config.dataDir, "/data");
  assert.deepEqual(config.clientTls, {
    certFile: "c.pem",
    keyFile: "k.pem",
    trustedCaFile: "ca.pem",
    clientCertAuth: true,
    autoTls: false,
    crlFile: "",
    allowedCommonName: "",
    allowedHostname: "",
    anyCallerName: false,
    callerCertFile: "",
    callerKeyFile: "",
  });
  assert.equal(config.peerTls.allowedCommonName, "member");
  assert.deepEqual(config.autoCompaction, { mode: "periodic", retentionMs: 1_800_000 });
  assert.match(warnings[0]!, /stands alone: --name, --data-dir/);
  assert.deepEqual(config.keepalive, { minTimeMs: 5000, intervalMs: 7_200_000, timeoutMs: 20_000 });
});

test("the names that etcd gave to experiments mean the same", () => {
  const { config, warnings } = configOf([
    "--experimental-watch-progress-notify-interval=5m",
    "--experimental-enable-lease-checkpoint=false",
    "--strict-reconfig-check=false",
    "--grpc-keepalive-interval=0s",
    "--warning-apply-duration=0s",
    "--enable-grpc-gateway=false",
    "--experimental-enable-lease-checkpoint-persist",
  ]);
  const { watchProgressIntervalMs, leaseCheckpoints, strictReconfigCheck } = config;
  const { slowApplyMs, jsonGateway, keepalive } = config;
  assert.deepEqual(
    { watchProgressIntervalMs, leaseCheckpoints, strictReconfigCheck, slowApplyMs, jsonGateway },
    {
      watchProgressIntervalMs: 300_000,
      leaseCheckpoints: false,
      strictReconfigCheck: false,
      slowApplyMs: Number.POSITIVE_INFINITY,
      jsonGateway: false,
    },
  );
  assert.equal(keepalive.intervalMs, Number.POSITIVE_INFINITY);
  assert.deepEqual(warnings.length, 1);
  assert.throws(() => configOf(["--watch-progress-notify-interval=1ms"]), /at least 100 ms/);
});

test("origins and names of web clients are read as browsers write them", () => {
  const { config } = configOf([
    "--cors=https://Console.example/,http://10.0.0.9:8080,*",
    "--host-whitelist=Etcd.example,10.0.0.1",
  ]);
  assert.deepEqual(config.visitors, {
    origins: ["https://console.example", "http://10.0.0.9:8080", "*"],
    hosts: ["etcd.example", "10.0.0.1"],
  });
  assert.deepEqual(configOf([]).config.visitors, { origins: [], hosts: [] });
  assert.match(errorOf(["--cors=console.example"]), /is no origin; write it like https/);
  assert.match(errorOf(["--cors=https://a.example/path"]), /is no origin/);
  assert.match(errorOf(["--host-whitelist=http://a.example"]), /without scheme and port/);
  assert.match(errorOf(["--host-whitelist=a.example:2379"]), /without scheme and port/);
});

test("periodic retention is hours when it is bare", () => {
  const { config } = configOf(["--auto-compaction-retention=2"]);
  assert.deepEqual(config.autoCompaction, { mode: "periodic", retentionMs: 7_200_000 });
});

test("TLS settings that protect less than they seem to are told", () => {
  const https = "https://127.0.0.1:2379";
  const client = [`--advertise-client-urls=${https}`, "--cert-file=c", "--key-file=k"];
  const peer = ["--listen-peer-urls=https://127.0.0.1:2380", "--peer-key-file=k"];
  const cases: [string[], RegExp[]][] = [
    [["--cert-file=c", "--key-file=k"], [/--listen-client-urls has no https URL/]],
    [["--auto-tls"], [/has no https URL/]],
    [["--peer-trusted-ca-file=c"], [/--listen-peer-urls has no https URL/]],
    [[...client, `--listen-client-urls=${https}`, "--trusted-ca-file=a"], []],
    [
      [...client, `--listen-client-urls=${https},http://127.0.0.1:9`, "--trusted-ca-file=a"],
      [/also has an http URL: nobody is asked/],
    ],
    [[...client, `--listen-client-urls=${https}`, "--auto-tls"], [/--auto-tls does nothing/]],
    [[...peer, "--peer-cert-file=c"], [/without --peer-trusted-ca-file: whoever calls/]],
    [[...peer, "--peer-cert-file=c", "--peer-trusted-ca-file=a"], []],
    [[...peer.slice(0, 1), "--peer-auto-tls"], [/nobody vouches for.*members cannot tell/]],
  ];
  for (const [args, expected] of cases) {
    const { warnings } = configOf(args);
    assert.equal(warnings.length, expected.length, `${args}: ${warnings}`);
    for (const [i, pattern] of expected.entries()) assert.match(warnings[i]!, pattern);
  }
});

test("errors say what to do", () => {
  const cases: [string[], RegExp][] = [
    [["--nmae=x"], /--nmae is not known; did you mean --name\?/],
    [["--zzzzzzzz=x"], /see `althing start --help`/],
    [["start"], /"start" is not a flag/],
    [["--name"], /--name needs a value/],
    [["--name=a=b"], /choose another name/],
    [["--election-timeout=400"], /at least 5 times --heartbeat-interval.*lower the other to 80/],
    [["--election-timeout=60000"], /not be above 50000 ms/],
    [["--heartbeat-interval=x"], /must be a whole number/],
    [["--heartbeat-interval=0"], /at least 1/],
    [["--snapshot-count=1.5"], /must be a whole number/],
    [["--protocol=bully"], /must be one of raft, paxos/],
    [["--paxos-quorums=2,2"], /with --protocol=paxos only/],
    [["--protocol=paxos", "--paxos-quorums=2"], /write it like 4,2/],
    [["--protocol=paxos", "--paxos-quorums=2,2"], /cannot make up quorums of 2 and 2/],
    [["--protocol=paxos", "--paxos-quorums=1,2", ...three], /need not meet/],
    [["--listen-client-urls=http://127.0.0.1:1"], /--advertise-client-urls is required/],
    [["--listen-peer-urls=http://example.com:2380"], /IP address and not on a name/],
    [["--listen-peer-urls=127.0.0.1:2380"], /not a URL|must begin with http/],
    [["--listen-peer-urls=http://127.0.0.1"], /needs a port/],
    [["--listen-peer-urls=http://127.0.0.1:2380/x"], /nothing more/],
    [["--initial-advertise-peer-urls=http://127.0.0.1:99999"], /not a URL/],
    [["--initial-advertise-peer-urls=unix://"], /must be a path/],
    [
      ["--initial-cluster=default=http://localhost:2380,b=http://b:0"],
      /nobody can call http:..b:0/,
    ],
    [["--initial-cluster=x"], /must be name=url/],
    [["--name=m9", ...three.slice(1)], /this member is called m9/],
    [[...three, "--initial-advertise-peer-urls=http://127.0.0.1:9"], /they must be the same/],
    [
      ["--initial-cluster=default=http://localhost:2380,b=http://localhost:2380"],
      /to default and to b/,
    ],
    [["--cert-file=c"], /belong together/],
    [["--peer-client-key-file=k"], /--peer-client-cert-file and --peer-client-key-file belong/],
    [
      ["--peer-client-cert-file=c", "--peer-client-key-file=k"],
      /is for calling alone; give --peer-cert-file/,
    ],
    [["--listen-client-urls=unixs://a"], /--advertise-client-urls is required/],
    [
      ["--listen-client-urls=unixs://a", "--advertise-client-urls=unixs://a"],
      /give --cert-file and --key-file, or --auto-tls/,
    ],
    [["--listen-peer-urls=https://127.0.0.1:1"], /give --peer-cert-file and --peer-key-file, or/],
    [["--client-crl-file=c"], /--client-crl-file needs --trusted-ca-file/],
    [["--client-cert-allowed-hostname=c"], /--client-cert-allowed-hostname needs --trusted-ca/],
    [["--peer-cert-allowed-cn=c"], /--peer-cert-allowed-cn needs --peer-trusted-ca-file: without/],
    [["--peer-crl-file=c"], /--peer-crl-file needs --peer-trusted-ca-file/],
    [["--peer-auto-tls", "--peer-trusted-ca-file=c"], /would turn each other away/],
    [["--self-signed-cert-validity=0"], /at least 1/],
    [["--client-cert-auth"], /nobody would be asked/],
    [["--force-new-cluster"], /will not pretend to/],
    [["--auto-compaction-retention=soon"], /such as 30m/],
    [["--auto-compaction-mode=revision", "--auto-compaction-retention=1h"], /number of revisions/],
    [["--config-file=/nonexistent/x.yaml"], /cannot be read/],
  ];
  for (const [args, expected] of cases) assert.match(errorOf(args), expected);
});

test("a config file with an unknown key or a wrong shape is refused by name", () => {
  const file = (content: string) =>
    errorOf(["--config-file=f.yaml"], { environment: {}, readFile: () => content });
  assert.match(file("nmae: x"), /nmae in f.yaml is not known; did you mean --name/);
  assert.match(file("name: {a: b}"), /single value or a list/);
  assert.match(file("- a"), /keys and values/);
  assert.match(file("a: ["), /cannot be read/);
  assert.match(file("client-transport-security: {cert: x}"), /client-transport-security.cert in/);
});

test("a misspelt variable of the environment is told", () => {
  const environment = {
    ALTHING_INTIAL_CLUSTER: "m1=http://127.0.0.1:2380",
    ALTHING_COFFEE: "black",
    ALTHING_ENDPOINTS: "127.0.0.1:2379",
    ALTHING_TEST_SEED: "1",
    ETCD_NAME: "m1",
  };
  assert.deepEqual(configOf([], { environment }).warnings, [
    "The environment variable ALTHING_COFFEE is not known and does nothing; see `althing start --help`",
    "The environment variable ALTHING_INTIAL_CLUSTER is not known and does nothing; did you mean ALTHING_INITIAL_CLUSTER?",
  ]);
});

test("addresses that etcd takes are taken: sockets, and any address for clients to be told", () => {
  const { config } = configOf([
    "--listen-client-urls=unix://etcd.unix:1,http://0.0.0.0:0",
    "--advertise-client-urls=unix://etcd.unix:1,http://0.0.0.0:0",
    "--listen-peer-urls=unix://etcd.unix:2",
    "--initial-advertise-peer-urls=unix://etcd.unix:2",
  ]);
  assert.deepEqual(config.advertiseClientUrls, ["unix://etcd.unix:1", "http://0.0.0.0:0"]);
  assert.deepEqual(config.initialCluster[0]?.peerUrls, ["unix://etcd.unix:2"]);
});
