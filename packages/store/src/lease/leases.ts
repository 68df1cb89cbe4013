// The leases that exist, as the log tells: granted, checkpointed, revoked. No clock runs here. When a
// lease ends is the leader's to judge; it says so with a revoke, which all members apply alike
// (corpus 60: nobody expires what it cannot know).

import { ByteReader, ByteWriter } from "@althing/bytes";
import type {
  AuthName,
  Key,
  LeaseChange,
  LeaseCheckpointCommand,
  LeaseEnd,
  LeaseGrantCommand,
  LeaseId,
  LeaseState,
  StoreErrorCode,
} from "../contract.ts";
import type { Engine, EngineWriter } from "../engine/port.ts";

const table = "lease";
/** Some 285 years, as in etcd. */
const ttlSecondsMax = 9_000_000_000;

export class Leases {
  static readonly table = table;
  readonly #leases = new Map<LeaseId, LeaseState>();
  observer: ((change: LeaseChange) => void) | undefined;

  static load(engine: Pick<Engine, "entries">): Leases {
    const leases = new Leases();
    for (const [key, value] of engine.entries(table)) leases.loadEntry(key, value);
    return leases;
  }

  /** An entry of the table with all of its time left. */
  static renewed(value: Uint8Array): Uint8Array {
    const state = decodeState(0n, value);
    return encodeState({ ...state, remainingSeconds: state.ttlSeconds });
  }

  loadEntry(key: Key, value: Uint8Array): void {
    const lease = BigInt.asIntN(64, BigInt(`0x${key}`));
    this.#leases.set(lease, decodeState(lease, value));
  }

  exists(lease: LeaseId): boolean {
    return this.#leases.has(lease);
  }

  get(lease: LeaseId): LeaseState | undefined {
    return this.#leases.get(lease);
  }

  list(): LeaseState[] {
    return [...this.#leases.values()].sort(
      (a, b) => endOf(a) - endOf(b) || (a.lease < b.lease ? -1 : 1),
    );
  }

  /** In any order. */
  ends(): LeaseEnd[] {
    const ends: LeaseEnd[] = [];
    for (const state of this.#leases.values()) {
      ends.push({ lease: state.lease, endMs: endOf(state) });
    }
    return ends;
  }

  grant(
    engine: EngineWriter,
    command: LeaseGrantCommand,
    leaderTimeMs: number,
    owner: AuthName = "",
  ): StoreErrorCode | undefined {
    const { lease, ttlSeconds } = command;
    if (ttlSeconds > ttlSecondsMax) return "leaseTtlTooLarge";
    if (this.#leases.has(lease)) return "leaseExists";
    const state = {
      lease,
      ttlSeconds,
      remainingSeconds: ttlSeconds,
      asOfMs: leaderTimeMs,
      ...(owner !== "" && { owner }),
    };
    this.#put(engine, state);
    this.observer?.({ kind: "granted", state });
    return undefined;
  }

  /** Leases that are gone by now are passed over. Whether anything changed. */
  checkpoint(engine: EngineWriter, command: LeaseCheckpointCommand, leaderTimeMs: number): boolean {
    let changed = false;
    for (const { lease, remainingSeconds } of command.leases) {
      const before = this.#leases.get(lease);
      if (before === undefined) continue;
      const { ttlSeconds } = before;
      const remaining = remainingSeconds === 0 ? ttlSeconds : remainingSeconds;
      const state = {
        ...before,
        remainingSeconds: Math.min(remaining, ttlSeconds),
        asOfMs: leaderTimeMs,
      };
      this.#put(engine, state);
      changed = true;
      this.observer?.({ kind: "checkpoint", state });
    }
    return changed;
  }

  /** The attached keys are deleted already. */
  revoke(engine: Pick<Engine, "delete">, lease: LeaseId): void {
    this.#leases.delete(lease);
    engine.delete(table, nameOf(lease));
    this.observer?.({ kind: "revoked", lease });
  }

  #put(engine: EngineWriter, state: LeaseState): void {
    this.#leases.set(state.lease, state);
    engine.put(table, nameOf(state.lease), encodeState(state));
  }
}

function endOf(state: LeaseState): number {
  return state.asOfMs + state.remainingSeconds * 1000;
}

function nameOf(lease: LeaseId): Key {
  return BigInt.asUintN(64, lease).toString(16).padStart(16, "0");
}

function encodeState(state: LeaseState): Uint8Array {
  const out = new ByteWriter(24);
  out.varint(state.ttlSeconds);
  out.varint(state.remainingSeconds);
  out.f64(state.asOfMs);
  if (state.owner !== undefined) out.byteString(state.owner);
  return out.copy();
}

function decodeState(lease: LeaseId, value: Uint8Array): LeaseState {
  const reader = new ByteReader(value);
  return {
    lease,
    ttlSeconds: reader.varint(),
    remainingSeconds: reader.varint(),
    asOfMs: reader.f64(),
    ...(!reader.atEnd && { owner: reader.byteString() }),
  };
}
