// What a member shows of any revision is what the log made it: at and above the compaction floor whole and
// exact, below it and beyond its newest refused; its revision and floor are those of its place in the log
// (corpus 34). Where it stands level with the log, its leases and what hangs on them are too (corpus 61).

import type {
  ErrorResult,
  HashKvResult,
  KeyValue,
  LeaseReads,
  RangeResult,
  Store,
} from "@althing/store";
import { type Change, decodeValue, type Reference } from "../observe/reference.ts";
import type { Verdicts } from "./verdicts.ts";

type Shown = Pick<Store, "appliedIndex" | "revision" | "compactRevision"> & LeaseReads;

export class HistoryReads {
  readonly #verdicts: Verdicts;
  readonly #reference: Reference;
  readonly #hashes = new Map<string, { readonly member: string; readonly hash: number }>();

  constructor(verdicts: Verdicts, reference: Reference) {
    this.#verdicts = verdicts;
    this.#reference = reference;
  }

  /** Every key at a revision, as a member answered. */
  read(
    member: string,
    revision: number,
    store: Pick<Shown, "revision" | "compactRevision">,
    answer: RangeResult | ErrorResult,
  ): void {
    const expected = this.#expected(revision, store);
    const actual = answer.kind === "error" ? answer.code : answer.kvs.map(describeKv).join(" ");
    if (actual === expected) return;
    this.#verdicts.violate(
      "history",
      `${member} shows revision ${revision} as [${actual}], not [${expected}]`,
    );
  }

  /** Whoever hashes the same keys and values gets the same, however far each has removed what is obsolete. */
  hashed(member: string, { hash, hashRevision, compactRevision }: HashKvResult): void {
    const place = `revision ${hashRevision} over the floor ${compactRevision}`;
    const known = this.#hashes.get(place) ?? { member, hash };
    this.#hashes.set(place, known);
    if (known.hash === hash) return;
    this.#verdicts.violate(
      "history",
      `${member} hashes ${place} to ${hash}, ${known.member} to ${known.hash}`,
    );
  }

  /** Its numbers, and its leases if it stands level. */
  stands(member: string, store: Shown): void {
    const { appliedIndex } = store;
    const actual = `revision ${store.revision} floor ${store.compactRevision}`;
    const reference = this.#reference;
    const revision = reference.revisionAfter(appliedIndex);
    const expected = `revision ${revision} floor ${reference.floorAfter(appliedIndex)}`;
    if (actual !== expected) {
      this.#verdicts.violate(
        "history",
        `${member} stands at ${actual} after index ${appliedIndex}, not ${expected}`,
      );
    } else if (appliedIndex === reference.index) this.#verifyLeases(member, store);
  }

  #verifyLeases(member: string, store: Shown): void {
    const reference = this.#reference;
    const actual = store
      .leases()
      .map(({ lease }) => `${lease.toString(16)}: ${store.leaseKeys(lease).join(" ")}`)
      .sort()
      .join(", ");
    const expected = [...reference.leases]
      .map((lease) => `${lease.toString(16)}: ${reference.keysOf(lease).join(" ")}`)
      .sort()
      .join(", ");
    if (actual === expected) return;
    this.#verdicts.violate("history", `${member} has leases [${actual}], not [${expected}]`);
  }

  #expected(revision: number, store: Pick<Shown, "revision" | "compactRevision">): string {
    if (revision > store.revision) return "futureRevision";
    if (revision > 0 && revision < store.compactRevision) return "compacted";
    const at = revision > 0 ? revision : store.revision;
    return this.#reference.stateAt(at).map(describeChange).join(" ");
  }
}

function describeKv(kv: KeyValue): string {
  const { key, value, createRevision, modRevision, version, lease } = kv;
  return `${key}=${decodeValue(value)}/${createRevision}/${modRevision}/${version}/${lease}`;
}

function describeChange({ key, value, create, revision, version, lease }: Change): string {
  return `${key}=${value}/${create}/${revision}/${version}/${lease}`;
}
