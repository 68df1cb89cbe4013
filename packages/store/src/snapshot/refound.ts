// A snapshot made the beginning of a new cluster: the keys and their history stay, and whatever belonged
// to the old cluster goes: its place in a log, its members, its alarms. Every member of the new one is
// founded from the same chunks, and so begins with the same state and the same hash of it. A lease gets
// its whole time, because its holder could not renew it while there was no cluster.

import type { Crc32 } from "@althing/bytes";
import { Alarms } from "../alarm/alarms.ts";
import type { Revision, StorePoint } from "../contract.ts";
import type { Head } from "../engine/port.ts";
import { Leases } from "../lease/leases.ts";
import { PublishedMembers } from "../member/published-members.ts";
import { SnapshotAssembler } from "./assembler.ts";
import {
  ChunkEncoder,
  chunkBytesAim,
  decodeChunk,
  type SnapshotItem,
  unreadable,
} from "./format.ts";

export interface RefoundOptions {
  /** Where the new cluster's logs begin. */
  readonly point: StorePoint;
  /** Added to the revision, so that clients of the old cluster have not seen a later one. */
  readonly revisionsSkipped: Revision;
  /** The history ends at the new revision: watchers of the old cluster are told to read anew. */
  readonly compacted: boolean;
  readonly crc32?: Crc32;
}

export interface SnapshotSummary {
  readonly revision: Revision;
  readonly compactRevision: Revision;
  /** Puts and deletes kept, not keys. */
  readonly records: number;
}

/** Takes a snapshot's chunks and gives those of the new cluster's. Throws `SnapshotDamaged`. */
export class SnapshotRefounder {
  readonly #options: RefoundOptions;
  readonly #encoder: ChunkEncoder;
  readonly #assembler: SnapshotAssembler;
  #head: Head | undefined;
  #out: Uint8Array[] = [];
  #entries = 0;
  #records = 0;

  constructor(options: RefoundOptions) {
    this.#options = options;
    this.#encoder = new ChunkEncoder(options.crc32);
    this.#assembler = new SnapshotAssembler((item) => this.#take(item), options.crc32);
  }

  write(chunk: Uint8Array): readonly Uint8Array[] {
    this.#out = [];
    this.#assembler.write(chunk);
    if (this.#head === undefined) {
      const first = decodeChunk(chunk, 0, this.#options.crc32);
      if (first.kind !== "head") throw new Error("the assembler lets nothing else be first");
      this.#head = this.#refoundHead(first.head);
      this.#out.push(this.#encoder.head(this.#head));
    }
    return this.#out;
  }

  finish(): { readonly chunks: readonly Uint8Array[]; readonly summary: SnapshotSummary } {
    this.#assembler.finish();
    const { revision, compactRevision } = this.#head!;
    const chunks = [this.#encoder.body(), this.#encoder.end(this.#entries, this.#records)];
    return { chunks, summary: { revision, compactRevision, records: this.#records } };
  }

  #refoundHead(head: Head): Head {
    const { point, revisionsSkipped, compacted } = this.#options;
    const revision = head.revision + revisionsSkipped;
    return {
      point,
      revision,
      compactRevision: compacted ? revision : head.compactRevision,
      hash: head.hash,
    };
  }

  #take(item: SnapshotItem): void {
    if (item.kind === "record") {
      this.#records++;
      this.#encoder.record(item.main, item.sub, item.record);
    } else if (item.table !== Alarms.table && item.table !== PublishedMembers.table) {
      this.#entries++;
      const { table, key, value } = item;
      this.#encoder.entry(table, key, table === Leases.table ? renewed(item, value) : value);
    }
    if (this.#encoder.bodyBytes >= chunkBytesAim) this.#out.push(this.#encoder.body());
  }
}

function renewed(item: SnapshotItem, value: Uint8Array): Uint8Array {
  try {
    return Leases.renewed(value);
  } catch (cause) {
    throw unreadable(item, cause);
  }
}

/** Reads a whole snapshot without keeping it. Throws `SnapshotDamaged`. */
export function summarizeSnapshot(
  next: () => Uint8Array | undefined,
  crc32?: Crc32,
): SnapshotSummary {
  let records = 0;
  const count = (item: SnapshotItem) => {
    if (item.kind === "record") records++;
  };
  const assembler = new SnapshotAssembler(count, crc32);
  for (let chunk = next(); chunk !== undefined; chunk = next()) assembler.write(chunk);
  const { revision, compactRevision } = assembler.finish();
  return { revision, compactRevision, records };
}
