// Whether a record still belongs to the state under a compaction floor. Snapshots leave the others
// out, so that two members at the same point send the same, however far each has removed them.

import type { Revision } from "../contract.ts";
import type { Keyspace } from "./keyspace.ts";
import { outlineOf } from "./record.ts";

/** Valid while a pin of that floor, or of a lower one, is held. */
export function keepsRecord(
  keyspace: Keyspace,
  floor: Revision,
): (main: Revision, sub: number, record: Uint8Array) => boolean {
  const { index } = keyspace;
  return (main, sub, record) => {
    if (main > floor) return true;
    const { keyStart, keyEnd, create } = outlineOf(record);
    if (create === 0 && main < floor) return false;
    let id = Math.abs(index.tree.findBytes(record, keyStart, keyEnd));
    while (id !== 0 && index.versions.main(id) > floor) id = index.versions.older(id);
    return id !== 0 && index.versions.main(id) === main && index.versions.sub(id) === sub;
  };
}
