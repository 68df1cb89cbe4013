// Which of etcd's own end-to-end tests are not run against Althing, and why. An entry is a pattern of names; every
// pattern must still match some test, so that none outlives its reason.

export interface LeftOut {
  readonly names: RegExp;
  readonly why: string;
}

export const leftOut: readonly LeftOut[] = [
  {
    names: /^TestCtlV2|^TestV2Curl/,
    why: "etcd 2's API, which etcd itself has given up",
  },
  { names: /^TestCtlV3Migrate$/, why: "moves etcd 2's keys, which Althing never had" },
  {
    names:
      /^TestCtlV3Snapshot(Corrupt|StatusBeforeRestore)?$|^TestCtlV3AuthSnapshot|^TestIssue6361$/,
    why: "etcdctl opens the snapshot as etcd's own file format (bbolt)",
  },
  { names: /^TestEtcdCorruptHash$/, why: "corrupts a file of etcd's own format (bbolt)" },
  { names: /^TestGrpcproxy/, why: "starts etcd's own proxy and no member" },
  { names: /^TestReleaseUpgrade/, why: "begins with the program of etcd's last release" },
  {
    names: /^TestV3Curl_MaxStreams_ReachLimit/,
    why: "wants one curl's watches to block another's reads: etcd's gateway has a single connection to its member",
  },
  {
    names: /^TestCtlV3Alarm$|^TestV3Metrics/,
    why: "wants /health without a reason; later releases give one, too",
  },
  { names: /^TestCtlV3Version$/, why: "asks etcdctl for its own version, and no member" },
  {
    names: /^TestEtcdPeerCNAuth$/,
    why: "waits for words of Go's TLS library in the log of the member that is refused; it is refused, and not in these",
  },
  {
    names: /^TestEtcdPeerNameAuth$/,
    why: "wants two of three to found a cluster without the third, whose certificate they refuse; here founders wait for all",
  },
  { names: /^TestEtcdExampleConfig$/, why: "its example file is not in Debian's package" },
];
