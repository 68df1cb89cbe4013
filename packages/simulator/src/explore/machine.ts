// One member as the exploration sees it: the real core, what its disk and its store hold, the writes that
// are on their way and the snapshot that is staged. Everything that is done to it is a `Step`, so a machine
// can be built again by doing the same steps again; what leaves it is in an `Outcome`.

import {
  type Core,
  type CoreOptions,
  decodeMembershipEntry,
  type Effect,
  type Entry,
  type Input,
  keepsLogAfterSnapshot,
  type LogPoint,
  type MemberId,
  type Membership,
  type Protocol,
} from "@althing/consensus";
import { describeCoreState, farTicks } from "./core-state.ts";

export type Step =
  | { readonly kind: "receive"; readonly from: MemberId; readonly bytes: Uint8Array }
  | { readonly kind: "input"; readonly input: Input<unknown> }
  /** Its connection to whoever leads it breaks; then it may stand for election. */
  | { readonly kind: "hangUp"; readonly campaigns: boolean }
  /** As much time as lies between two heartbeats. */
  | { readonly kind: "beat" }
  /** The oldest write reaches the disk. */
  | { readonly kind: "persist" }
  /** As many writes reach the disk, the others are lost; the member starts again. */
  | { readonly kind: "crash"; readonly written: number }
  | { readonly kind: "install" }
  /** The store is the snapshot and the log is not yet, when the member crashes and starts again. */
  | { readonly kind: "crashInInstall" }
  | { readonly kind: "compact" }
  | {
      readonly kind: "snapshot";
      readonly from: MemberId;
      readonly epoch: number;
      readonly store: Store;
    };

export interface Store {
  readonly point: LogPoint;
  readonly applied: readonly Entry[];
}

export interface Outcome {
  readonly letters: { readonly to: MemberId; readonly bytes: Uint8Array }[];
  readonly snapshotsWanted: { readonly to: MemberId; readonly epoch: number }[];
  /** What the member acted on as chosen, or would after a crash. */
  readonly chosen: Entry[];
  /** Memberships that it told as settled. */
  readonly settled: number[];
  readonly broken: string[];
  readonly told: string[];
}

type Persist = Extract<Effect<unknown, unknown>, { readonly kind: "persist" }>;

const beatTicks = 1;

export class Machine {
  readonly id: MemberId;
  readonly #reads: "quorum" | "lease";
  readonly #protocol: Protocol;
  readonly #stateOf: (core: Core<unknown, unknown>) => object;
  core: Core<unknown, unknown>;
  disk: { readonly state: unknown; readonly base: LogPoint; readonly entries: readonly Entry[] };
  store: Store;
  writes: Persist[] = [];
  installs: Extract<Step, { kind: "snapshot" }>[] = [];
  /** Arrived in whole, until the core asks for it or not. */
  #staged: Extract<Step, { kind: "snapshot" }> | undefined;
  #inspection: object;
  #outcome: Outcome = emptyOutcome();
  #isRepeated = false;

  constructor(
    id: MemberId,
    reads: "quorum" | "lease",
    membership: Membership,
    protocol: Protocol,
    stateOf: (core: Core<unknown, unknown>) => object,
  ) {
    this.id = id;
    this.#reads = reads;
    this.#protocol = protocol;
    this.#stateOf = stateOf;
    const base = { index: 0, epoch: 0, proposer: "", membership };
    this.disk = { state: undefined, base, entries: [] };
    this.store = { point: base, applied: [] };
    this.core = this.#createCore();
    this.#inspection = this.core.inspect();
  }

  do(step: Step): Outcome {
    this.#outcome = emptyOutcome();
    const { disk } = this;
    try {
      this.#do(step);
      if (this.disk !== disk && !this.#isRepeated) this.#checkDisk();
    } catch (error) {
      this.#outcome.broken.push(error instanceof Error ? error.message : String(error));
    }
    return this.#outcome;
  }

  /** What was done, and checked, before: only the state counts. */
  redo(steps: readonly Step[]): void {
    this.#isRepeated = true;
    for (const step of steps) this.do(step);
    this.#isRepeated = false;
    this.#inspection = this.core.inspect();
  }

  /** Equal exactly when the machines are. */
  describe(): string {
    const { disk, store } = this;
    const writes = this.writes.map((write) => ({ ...write, sequence: 0 }));
    return JSON.stringify(
      [describeCoreState(this.#stateOf(this.core)), disk, store, writes, this.installs],
      (_, value: unknown) => (value instanceof Uint8Array ? [...value].join(".") : value),
    );
  }

  #do(step: Step): void {
    switch (step.kind) {
      case "receive": {
        const message = this.#protocol.decodeMessage(step.bytes.slice());
        this.#outcome.told.push(this.#protocol.describeMessage(message));
        this.#step({ kind: "receive", from: step.from, message });
        return;
      }
      case "input":
        this.#step(step.input);
        return;
      case "hangUp": {
        const { leader } = this.core.status();
        if (leader !== undefined && leader !== this.id) {
          this.#step({ kind: "disconnected", peer: leader });
        }
        if (step.campaigns) this.#step({ kind: "campaign" });
        return;
      }
      case "beat":
        for (let i = 0; i < beatTicks; i++) this.#step({ kind: "tick" });
        return;
      case "persist":
        this.#persist();
        return;
      case "crash":
        for (let i = 0; i < step.written; i++) this.#write(this.writes[i]!);
        this.#restart();
        return;
      case "install":
      case "crashInInstall":
        this.#install(step.kind === "install");
        return;
      case "compact":
        this.#compact();
        return;
      case "snapshot":
        this.#staged = step;
        this.#step({
          kind: "snapshotReceived",
          from: step.from,
          epoch: step.epoch,
          point: step.store.point,
        });
        this.#staged = undefined;
        return;
    }
  }

  #step(input: Input<unknown>): void {
    this.core.step(input, 0);
    const effects = this.core.effects();
    if (!this.#isRepeated) this.#check();
    for (const effect of effects) this.#perform(effect);
  }

  #check(): void {
    const next = this.core.inspect();
    const { checkInvariants, checkDelta } = this.#protocol;
    for (const { property, detail } of [
      ...checkInvariants(next),
      ...checkDelta(this.#inspection, next),
    ]) {
      this.#outcome.broken.push(`${property}: ${detail}`);
    }
    this.#inspection = next;
  }

  #perform(effect: Effect<unknown, unknown>): void {
    switch (effect.kind) {
      case "persist":
        this.writes.push(effect);
        return;
      case "send":
        this.#post(effect.to, effect.message);
        return;
      case "apply":
        for (const entry of effect.entries) this.#apply(entry);
        this.#step({ kind: "applied", index: this.store.point.index });
        return;
      case "sendSnapshot":
        this.#outcome.snapshotsWanted.push({ to: effect.to, epoch: effect.epoch });
        return;
      case "installSnapshot":
        if (this.#staged === undefined) this.#fail("asks for a snapshot that is not staged");
        else this.installs.push(this.#staged);
        return;
      case "membershipSettled":
        this.#outcome.settled.push(effect.index);
        this.#outcome.told.push(`membership at ${effect.index} is settled`);
        return;
      case "roleChanged":
        this.#outcome.told.push(
          `is ${effect.role} in ${effect.epoch}, led by ${effect.leader ?? "nobody"}`,
        );
        return;
      case "readReady":
        this.#outcome.told.push(`answers a read with ${effect.index}`);
        if (effect.token < tokenOfRead(effect.index + 1)) return;
        this.#fail(`answers a read with ${effect.index}, though more was acted on before it`);
        return;
      case "accepted":
      case "rejected":
      case "transferred":
      case "membershipChanged":
        return;
    }
  }

  #persist(): void {
    const write = this.writes.shift();
    if (write === undefined) return;
    this.#write(write);
    for (const { to, message } of write.thenSend) this.#post(to, message);
    this.#step({ kind: "persisted", sequence: write.sequence });
  }

  #write({ truncateFrom, entries, state }: Persist): void {
    const { disk } = this;
    const replaced = new Set(entries.map(({ index }) => index));
    const stay = disk.entries.filter(
      ({ index }) => !replaced.has(index) && (truncateFrom === undefined || index < truncateFrom),
    );
    this.disk = {
      ...disk,
      entries: [...stay, ...entries].sort((one, other) => one.index - other.index),
      ...(state !== undefined && {
        state: this.#protocol.decodeState(this.#protocol.encodeState(state)),
      }),
    };
  }

  /** Not before the writes that were asked for earlier are done. */
  #install(isFinished: boolean): void {
    while (this.writes.length > 0) this.#persist();
    const wanted = this.installs.shift();
    if (wanted === undefined) return;
    this.#note(this.store.applied, wanted.store.applied);
    this.store = wanted.store;
    // Also after a crash: a start finds a store that is no longer its log's, and begins the log anew.
    this.#followStore();
    if (!isFinished) this.#restart();
    else this.#step({ kind: "snapshotInstalled", point: wanted.store.point });
  }

  /** What was applied here stands in the snapshot that takes its place. */
  #note(before: readonly Entry[], after: readonly Entry[]): void {
    if (after.length < before.length) this.#fail("a snapshot takes back what was applied");
    this.#outcome.chosen.push(...after);
  }

  #followStore(): void {
    const { store, disk } = this;
    const keeps = keepsLogAfterSnapshot(this.#protocol);
    const entries = disk.entries.filter(({ index }) => keeps && index > store.point.index);
    this.disk = { state: disk.state, base: store.point, entries };
  }

  #compact(): void {
    const { point } = this.store;
    const { state, entries } = this.disk;
    this.disk = { state, base: point, entries: entries.filter((e) => e.index > point.index) };
    this.#step({ kind: "compact", index: point.index });
  }

  #restart(): void {
    this.writes = [];
    this.installs = [];
    this.core = this.#createCore();
    this.#inspection = this.core.inspect();
    // What a restart knows to be committed is applied without any input.
    for (const effect of this.core.effects()) this.#perform(effect);
  }

  #apply(entry: Entry): void {
    if (entry.index !== this.store.point.index + 1)
      this.#fail(`applies ${entry.index} out of order`);
    const onDisk = this.disk.entries.find(({ index }) => index === entry.index);
    if (onDisk === undefined || keyOf(onDisk) !== keyOf(entry)) {
      this.#fail(`applies ${entry.index} before it is on its disk`);
    }
    this.store = {
      point: advance(this.store.point, entry),
      applied: [...this.store.applied, entry],
    };
    this.#outcome.chosen.push(entry);
    this.#outcome.told.push(`apply ${entry.index}@${entry.epoch}`);
  }

  /** What it would apply at once if it crashed now and started again must be chosen. */
  #checkDisk(): void {
    const core = this.#createCore();
    for (const effect of core.effects()) {
      if (effect.kind === "apply") this.#outcome.chosen.push(...effect.entries);
    }
  }

  #post(to: MemberId, message: unknown): void {
    this.#outcome.letters.push({ to, bytes: this.#protocol.encodeMessage(message) });
  }

  #fail(what: string): void {
    this.#outcome.broken.push(`${this.id} ${what}`);
  }

  #createCore(): Core<unknown, unknown> {
    const { state, base, entries } = this.disk;
    return this.#protocol.create(optionsOf(this.id, this.#reads), {
      state,
      base,
      entries,
      applied: this.store.point.index,
    });
  }
}

function optionsOf(id: MemberId, reads: "quorum" | "lease"): CoreOptions {
  // No timer goes off by itself: elections are moves.
  return {
    id,
    heartbeatTicks: beatTicks,
    electionTicks: farTicks * 10,
    tickMs: 10,
    random: () => 0.5,
    reads,
  };
}

function emptyOutcome(): Outcome {
  return { letters: [], snapshotsWanted: [], chosen: [], settled: [], broken: [], told: [] };
}

/** Of a read that was asked for when so many entries had been acted on: its answer must not be older. */
export function tokenOfRead(actedOn: number): number {
  return 16 + actedOn;
}

export function keyOf({ index, epoch, proposer, kind, payload }: Entry): string {
  return `${index}@${epoch}${proposer} ${kind} ${[...payload].join(".")}`;
}

export function membersNamed(count: number): MemberId[] {
  return Array.from({ length: count }, (_, i) => String.fromCharCode(97 + i));
}

function advance(point: LogPoint, entry: Entry): LogPoint {
  const membership =
    entry.kind === "membership"
      ? decodeMembershipEntry(entry.payload).membership
      : point.membership;
  return { index: entry.index, epoch: entry.epoch, proposer: entry.proposer, membership };
}
