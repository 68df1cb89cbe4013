// What the disks of a cluster must be at every moment, whatever is under way: what a member counts for
// with its leader is on its disk, and a crash at this moment would make no member act on what was not
// chosen. Installs of snapshots are where both are easily broken.

import assert from "node:assert/strict";
import type { CoreOptions, Entry, Protocol } from "../contract.ts";
import { assertSameEntry } from "./chosen.ts";
import type { Machine } from "./machine.ts";

/** Everything that the leader counts on is held there, as the leader has it, or as part of a snapshot. */
export function checkCounted<M, S>(
  protocol: Protocol<M, S>,
  leader: Machine<M, S>,
  machines: ReadonlyMap<string, Machine<M, S>>,
): void {
  const { role, epoch, peers, firstIndex } = leader.status;
  if (role !== "leader" || !leader.isUp) return;
  for (const { id, match } of peers) {
    const peer = machines.get(id);
    // Whoever has gone on to a later leader may have dropped what this one counts on.
    if (peer === undefined || !peer.isUp || peer.status.epoch !== epoch) continue;
    if (protocol.name === "paxos" && promisedTo(peer) !== promisedTo(leader)) continue;
    const { entries } = peer.disk;
    const first = Math.max(firstIndex, peer.disk.base.index + 1, peer.store.index + 1);
    // In order on a disk; those of Paxos may have gaps.
    let place = first <= match ? entries.findIndex(({ index }) => index >= first) : -1;
    for (let index = first; index <= match; index++) {
      while (place >= 0 && entries[place] && entries[place]!.index < index) place++;
      const entry = entries[place]?.index === index ? entries[place] : undefined;
      const what = `${leader.id} counts on ${id} for ${index}`;
      assert(entry !== undefined, `${what}, which is on no disk there`);
      const own = leader.core.entryAt(index);
      if (own !== undefined)
        assertSameEntry(protocol, entry, own, `${what}, which is another there`);
    }
  }
}

/** What is on the disk counts, once all that was asked for is there: nothing more may come to make it count. */
export function checkDurable<M, S>({
  id,
  isUp,
  disk,
  writes,
  installs,
  inspection,
}: Machine<M, S>): void {
  if (!isUp || writes.length > 0 || installs.length > 0) return;
  const { durableIndex, installingAt } = inspection as {
    readonly durableIndex: number;
    readonly installingAt: number | undefined;
  };
  if (installingAt !== undefined) return;
  let last = disk.base.index;
  for (const { index } of disk.entries) if (index === last + 1) last = index;
  assert.equal(durableIndex, last, `${id} does not count what is on its disk`);
}

/** What the member would apply at once if it crashed now and started again. */
export function appliedByRestart<M, S>(
  protocol: Protocol<M, S>,
  { id, disk, store }: Machine<M, S>,
  options: Partial<CoreOptions> = {},
): Entry[] {
  const basics = { heartbeatTicks: 2, electionTicks: 10, tickMs: 10, ...options };
  const core = protocol.create(
    { ...basics, id, random: () => 0.5 },
    { state: disk.state, base: disk.base, entries: disk.entries, applied: store.index },
  );
  const applied: Entry[] = [];
  for (const effect of core.effects()) if (effect.kind === "apply") applied.push(...effect.entries);
  return applied;
}

function promisedTo<M, S>({ inspection }: Machine<M, S>): string {
  return (inspection as { readonly promised: { readonly proposer: string } }).promised.proposer;
}
