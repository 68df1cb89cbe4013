// What a member starts from, decided from the two things that survived: the log and the store. The
// store may be ahead of the log (a crash after a snapshot was installed and before the log followed)
// and the log ahead of the store (the usual case: it is applied again). Anything else means that data
// is missing, and is refused loudly rather than repaired silently.

import {
  decodeMembership,
  decodeMembershipEntry,
  type Entry,
  encodeMembership,
  keepsLogAfterSnapshot,
  type LogPoint,
  type Membership,
  type Protocol,
  type Restored,
  wasInstalling,
} from "@althing/consensus";
import type { Log, LogBase } from "@althing/log";
import { decodePointMeta } from "./point-meta.ts";
import type { StatePoint } from "./state-machine.ts";

export type RecoveryErrorCode =
  /** The log begins above what the store holds: entries in between are gone. */
  | "dataMissing"
  /** The store has data and the log is new: this member's votes are forgotten. */
  | "logMissing"
  /** Log and store name different entries at the same committed index. */
  | "inconsistent"
  /** The membership or the protocol state cannot be read. */
  | "unreadable";

export class RecoveryError extends Error {
  readonly code: RecoveryErrorCode;
  constructor(code: RecoveryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RecoveryError";
    this.code = code;
  }
}

export interface Recovery {
  readonly restored: Restored<unknown>;
  /** The memberships in force from the base up to `restored.applied`, oldest first, never empty. */
  readonly memberships: readonly { readonly index: number; readonly membership: Membership }[];
  /** Set when the log must follow the store: the base it is reset to before anything is written. */
  readonly resetLog: LogBase | undefined;
  /** As `resetLog`, but entries after the base are kept. */
  readonly compactLog: LogBase | undefined;
}

const REMEDY = "remove this member from the cluster, empty its data directory and add it anew";

export function recover(
  protocol: Protocol,
  log: Log,
  point: StatePoint,
  bootstrap: Membership,
): Recovery {
  const { base, entries } = log.recovered;
  const state = readable("protocol state", () =>
    log.recovered.state === undefined ? undefined : protocol.decodeState(log.recovered.state),
  );
  const fresh = log.recovered.state === undefined && entries.length === 0 && base.index === 0;
  if (fresh && point.index > 0) {
    throw new RecoveryError(
      "logMissing",
      `the store stands at index ${point.index} but the log is new: votes may be lost; ${REMEDY}`,
    );
  }
  if (base.index > point.index) {
    throw new RecoveryError(
      "dataMissing",
      `the log begins after index ${base.index} but the store holds only ${point.index}; ${REMEDY}`,
    );
  }
  const logBase = readable("membership of the log", () =>
    logPoint(base, base.meta.length === 0 ? bootstrap : decodeMembership(base.meta)),
  );
  if (point.index === 0) {
    const restored = { state, base: logBase, entries: entries as readonly Entry[], applied: 0 };
    return keepLog(restored, [logBase]);
  }
  const applied = readable("membership of the store", () =>
    logPoint(point, decodePointMeta(point.meta)?.membership ?? logBase.membership),
  );
  const same = point.index === base.index ? base : entries.find((e) => e.index === point.index);
  const isSame = same !== undefined && samePlace(same, point);
  const ledThere = point.index === base.index || !wasInstalling(protocol, state, point.index);
  if (isSame && ledThere) {
    const restored = { state, base: logBase, entries, applied: point.index };
    const changes = readable("membership in the log", () =>
      entries
        .filter((entry) => entry.kind === "membership" && entry.index <= point.index)
        .map(({ index, payload }) => ({ index, ...decodeMembershipEntry(payload) })),
    );
    return keepLog(restored, [logBase, ...changes]);
  }
  if (point.index === base.index) {
    throw new RecoveryError(
      "inconsistent",
      `log and store stand at index ${point.index} with different entries; ${REMEDY}`,
    );
  }
  // The store was installed from a snapshot and the log did not follow: it does so now. What lies
  // after the point is of a history that never was committed, except in Paxos, whose slots are
  // independent: an accepted value there is a promise kept.
  const newBase: LogBase = {
    index: point.index,
    epoch: point.epoch,
    proposer: point.proposer,
    meta: encodeMembership(applied.membership),
  };
  const keeps = keepsLogAfterSnapshot(protocol);
  const kept = keeps ? entries.filter((entry) => entry.index > point.index) : [];
  return {
    restored: { state, base: applied, entries: kept, applied: point.index },
    memberships: [applied],
    resetLog: keeps ? undefined : newBase,
    compactLog: keeps ? newBase : undefined,
  };
}

function keepLog(restored: Restored<unknown>, memberships: Recovery["memberships"]): Recovery {
  return { restored, memberships, resetLog: undefined, compactLog: undefined };
}

function samePlace(
  one: { readonly epoch: number; readonly proposer: string },
  other: { readonly epoch: number; readonly proposer: string },
): boolean {
  return one.epoch === other.epoch && one.proposer === other.proposer;
}

function logPoint(
  at: { readonly index: number; readonly epoch: number; readonly proposer: string },
  membership: Membership,
): LogPoint {
  return { index: at.index, epoch: at.epoch, proposer: at.proposer, membership };
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new RecoveryError("unreadable", `the ${what} cannot be read; ${REMEDY}`, { cause });
  }
}
