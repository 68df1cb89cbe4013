// What may have become of a request that was not answered. Only what changes something can have changed it:
// of a read nothing need be said but that it was not answered.

export interface Fate {
  /** Continues "... did not answer". */
  readonly claim: string;
  readonly advice: string;
}

/** The request itself had not left yet. */
export const nothingSent: Fate = {
  claim: "; nothing was written",
  advice: "Ask again.",
};
const read: Fate = { claim: "", advice: "Ask again, or another member with --endpoints." };
const write: Fate = {
  claim: "; a write may have taken effect",
  advice: "Read the key before you write it again.",
};
const membership: Fate = {
  claim: "; the change of the members may have taken effect",
  advice: "Look with `althing member list` before you ask for it again.",
};

const reads: ReadonlySet<string> = new Set([
  "etcdserverpb.KV/Range",
  "etcdserverpb.Maintenance/Status",
  "etcdserverpb.Maintenance/Snapshot",
  "etcdserverpb.Cluster/MemberList",
]);

/** `method` like "etcdserverpb.KV/Put". */
export function fateOf(method: string): Fate {
  if (reads.has(method)) return read;
  return method.startsWith("etcdserverpb.Cluster/") ? membership : write;
}
