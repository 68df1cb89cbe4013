// Compaction in two parts. The floor moves at once, by a command, and reads below it fail from then
// on. What is obsolete leaves index and engine later, in bounded steps that may run at any time:
// neither reads at or above the floor nor hashes nor snapshots can tell how far they have come.

import type { Revision } from "../contract.ts";
import type { Keyspace } from "./keyspace.ts";
import { decodeRecord } from "./record.ts";
import type { VersionId } from "./versions.ts";

/**
 * So many may wait for the disk, some 8 MiB: they never crowd out commits. How much else waits does not
 * matter: under a load that never ends compaction has to get on as well.
 */
const unwrittenRemovalsMax = 256 * 1024;

/** Something is left to be removed, be it that it has to wait. */
export function compactionLeft(keyspace: Keyspace): boolean {
  return isAnyObsolete(keyspace, keyspace.compactRevision);
}

/** Something can be removed now: nobody is still to read it, and the disk keeps up. */
export function compactionPending(keyspace: Keyspace): boolean {
  return mayRemove(keyspace) && isAnyObsolete(keyspace, keyspace.removableRevision);
}

/** Removes up to `versionsMax` versions. Returns whether more can be removed now. */
export function compactStep(keyspace: Keyspace, versionsMax: number): boolean {
  const { index } = keyspace;
  const floor = keyspace.removableRevision;
  for (let steps = 0; mayRemove(keyspace) && isAnyObsolete(keyspace, floor); steps++) {
    if (steps === versionsMax) return true;
    keyspace.historyFloor = Math.max(keyspace.historyFloor, floor);
    // All superseded versions first: a tombstone may go only when nothing hangs below it.
    if (index.superseders.frontMain() <= floor) {
      removeSuperseded(keyspace, index.superseders.shift());
    } else {
      const main = index.tombstones.frontMain();
      removeTombstone(keyspace, index.tombstones.shift(), main);
    }
  }
  return false;
}

function mayRemove({ engine }: Keyspace): boolean {
  return !engine.isCopying && engine.unwrittenRemovals < unwrittenRemovalsMax;
}

function isAnyObsolete({ index }: Keyspace, floor: Revision): boolean {
  return index.superseders.frontMain() <= floor || index.tombstones.frontMain() < floor;
}

function removeSuperseded(keyspace: Keyspace, superseder: VersionId): void {
  const { versions } = keyspace.index;
  const obsolete = versions.older(superseder);
  if (obsolete === 0) return;
  versions.cutOlder(superseder);
  remove(keyspace, obsolete);
}

/**
 * The tombstone exactly at the floor stays: a watch from that revision still has to see the delete.
 * One below it goes, with its key. If the key was put again, the tombstone is either gone already
 * (its row may serve another version now) or goes when that put reaches the floor.
 */
function removeTombstone(keyspace: Keyspace, id: VersionId, main: number): void {
  const { tree, versions } = keyspace.index;
  if (versions.main(id) !== main || !versions.isTombstone(id)) return;
  const { key } = decodeRecord(keyspace.record(id));
  if (tree.find(key) !== -id) return;
  tree.delete(key);
  remove(keyspace, id);
}

function remove(keyspace: Keyspace, id: VersionId): void {
  const { versions } = keyspace.index;
  keyspace.engine.remove(versions.main(id), versions.sub(id), versions.handle(id));
  versions.release(id);
}
