// Which revisions each key has: the tree from keys to their newest version, the rows of versions,
// and what compaction may remove. It is rebuilt from the engine's records by the same calls that
// keep it while the store runs.

import type { Key, Revision } from "../contract.ts";
import type { Handle } from "../engine/port.ts";
import { Attachments } from "../lease/attachments.ts";
import { KeyTree } from "./key-tree.ts";
import { decodeRecord, outlineOf } from "./record.ts";
import { RevisionQueue } from "./revision-queue.ts";
import { type VersionId, Versions } from "./versions.ts";

export class KeyIndex {
  readonly tree = new KeyTree();
  readonly versions = new Versions();
  /** Versions whose `older` is obsolete once the floor has reached them. */
  readonly superseders = new RevisionQueue();
  /** Tombstones, obsolete themselves once the floor has passed them. */
  readonly tombstones = new RevisionQueue();
  /** Main revision of the newest version there is. */
  newestMain: Revision = 0;

  readonly attachments = new Attachments();

  /** Adds a put to the key that `tree.locate` has just found with this head. */
  addPut(
    head: number,
    main: Revision,
    sub: number,
    handle: Handle,
    create: Revision,
    version: number,
    hasLease: boolean,
    size: number,
  ): void {
    const older = Math.abs(head);
    const id = this.versions.add(main, sub, handle, older, create, version, hasLease, size);
    this.tree.assign(id);
    if (head !== 0) this.superseders.push(id, main);
    this.newestMain = main;
  }

  addTombstone(head: number, main: Revision, sub: number, handle: Handle, size: number): void {
    this.tree.assign(this.tombstone(head, main, sub, handle, size));
  }

  /** The new head of a key that had this one; it is the caller's to put into the tree. */
  tombstone(head: number, main: Revision, sub: number, handle: Handle, size: number): number {
    const id = this.versions.add(main, sub, handle, Math.abs(head), 0, 0, false, size);
    if (head !== 0) this.superseders.push(id, main);
    this.tombstones.push(id, main);
    this.newestMain = main;
    return -id;
  }

  /** Adds a record that the engine already holds. Its value is not looked at. */
  load(
    main: Revision,
    sub: number,
    handle: Handle,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const outline = outlineOf(bytes, start, end);
    const { keyStart, keyEnd } = outline;
    const head = this.tree.locateBytes(bytes, keyStart, keyEnd);
    if (outline.hasLease || (head > 0 && this.versions.hasLease(head))) {
      const { key, lease } = decodeRecord(bytes.subarray(start, end));
      this.attachments.set(key, lease);
    }
    if (outline.create === 0) this.addTombstone(head, main, sub, handle, end - start);
    else {
      const { create, version, hasLease } = outline;
      this.addPut(head, main, sub, handle, create, version, hasLease, end - start);
    }
  }

  /** The version of a key that is visible at `revision`, 0 when the key does not exist there. */
  visible(head: number, revision: Revision): VersionId {
    if (this.newestMain <= revision) return Math.max(head, 0);
    let id = Math.abs(head);
    while (id !== 0 && this.versions.main(id) > revision) id = this.versions.older(id);
    return id !== 0 && this.versions.isTombstone(id) ? 0 : id;
  }

  /** The version of `key` visible at `revision`, 0 when there is none. */
  at(key: Key, revision: Revision): VersionId {
    return this.visible(this.tree.find(key), revision);
  }

  count(start: Key, end: Key | undefined, revision: Revision): number {
    if (this.newestMain <= revision) return this.tree.countLive(start, end);
    let count = 0;
    this.tree.ascend(start, end, (head) => {
      if (this.visible(head, revision) !== 0) count++;
      return true;
    });
    return count;
  }
}
