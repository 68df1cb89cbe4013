// A second, naive store: it executes the committed commands of the workload in log order as etcd
// defines them, with every version of every key, so that every answer, every revision, every weak read
// and everything a watcher is told can be compared with what the log says. It knows what the workload
// uses and nothing more. Longer than most: it is one small state machine.

import {
  type AuthCaller,
  type Command,
  type DeleteRangeCommand,
  isAuthorized,
  type Key,
  type LeaseId,
  openAuthorized,
  type PutCommand,
  type RangeOp,
  type Result,
  type TxnCommand,
  type TxnOp,
} from "@althing/store";
import type { Verdicts } from "../checkers/verdicts.ts";
import { AuthModel } from "./auth-model.ts";

/** One change of one key: a version of it, and an event. */
export interface Change {
  readonly key: Key;
  readonly revision: number;
  readonly isDelete: boolean;
  readonly create: number;
  readonly version: number;
  /** 0: deleted. */
  readonly value: number;
  readonly lease: LeaseId;
  /** What was there before, if anything was. */
  readonly previous: Change | undefined;
}

/** Told when an entry is applied for the first time, by whichever member. */
export interface ReferenceListener {
  leaseEnded(lease: LeaseId): void;
  changed(changes: readonly Change[]): void;
}

/** Values travel as decimal text, filled up to the size of the workload with dots. */
export function encodeValue(value: number, bytes: number): Uint8Array {
  const text = `${value}`.padEnd(bytes, ".");
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

/** NaN for what no workload wrote. */
export function decodeValue(bytes: Uint8Array): number {
  let value = 0;
  for (let i = 0; i < bytes.length; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) return i === 0 ? Number.NaN : value;
    value = value * 10 + digit;
  }
  return bytes.length === 0 ? Number.NaN : value;
}

export class Reference {
  readonly listeners: ReferenceListener[] = [];
  readonly auth = new AuthModel();
  readonly #verdicts: Verdicts;
  readonly #versions = new Map<Key, Change[]>();
  readonly #byRevision: (readonly Change[])[] = [];
  readonly #leases = new Set<LeaseId>();
  /** By index: what the store must answer there, and how it stands after it. */
  readonly #answers = new Map<number, string>();
  readonly #revisions: number[] = [1];
  readonly #floors: number[] = [-1];
  #revision = 1;
  #floor = -1;
  #index = 0;
  /** Of the command under way. */
  #changes: Change[] = [];

  constructor(verdicts: Verdicts) {
    this.#verdicts = verdicts;
  }

  get revision(): number {
    return this.#revision;
  }
  get floor(): number {
    return this.#floor;
  }
  get index(): number {
    return this.#index;
  }
  get leases(): ReadonlySet<LeaseId> {
    return this.#leases;
  }

  /** What the store must say of the command at this index: its revision, and the answer in words. */
  answerAt(index: number): string | undefined {
    return this.#answers.get(index);
  }

  revisionAfter(index: number): number | undefined {
    return this.#revisions[index];
  }
  floorAfter(index: number): number | undefined {
    return this.#floors[index];
  }

  /** In the order in which they were made. */
  changesAt(revision: number): readonly Change[] {
    return this.#byRevision[revision] ?? [];
  }

  /** The value of a key at a revision; undefined beyond what is known to be committed. */
  valueAt(key: Key, revision: number): number | undefined {
    return revision > this.#revision ? undefined : (this.versionAt(key, revision)?.value ?? 0);
  }

  /** The version that a key had at a revision; undefined when it did not exist. */
  versionAt(key: Key, revision: number): Change | undefined {
    const versions = this.#versions.get(key) ?? [];
    for (let i = versions.length - 1; i >= 0; i--) {
      const version = versions[i] as Change;
      if (version.revision <= revision) return version.isDelete ? undefined : version;
    }
    return undefined;
  }

  /** Every key that existed at a revision, sorted. */
  stateAt(revision: number): Change[] {
    const state: Change[] = [];
    for (const key of [...this.#versions.keys()].sort()) {
      const version = this.versionAt(key, revision);
      if (version !== undefined) state.push(version);
    }
    return state;
  }

  /** An entry without a command that changes keys. */
  nothing(index: number): void {
    if (index <= this.#index) return;
    this.#index = index;
    this.#settle();
  }

  /** A member applied a command; the first to do so teaches the reference, the others are held to it. */
  applied(
    member: string,
    index: number,
    bytes: Uint8Array,
    result: Result,
    decode: (bytes: Uint8Array) => Command | undefined,
  ): void {
    if (index > this.#index) {
      if (index !== this.#index + 1) {
        this.#verdicts.violate("store model", `${member} applied ${index} after ${this.#index}`);
        return;
      }
      this.#index = index;
      const { caller, command } = isAuthorized(bytes)
        ? (openAuthorized(bytes) ?? {})
        : { caller: undefined, command: bytes };
      this.#answers.set(index, this.#execute(command && decode(command), caller));
      this.#settle();
    }
    const expected = this.#answers.get(index);
    if (expected === undefined) return;
    const actual = `${result.revision} ${describeResult(result)}`;
    if (expected !== "" && expected !== actual) {
      this.#verdicts.violate(
        "store model",
        `${member} answered ${actual} at index ${index}; the log says ${expected}`,
      );
    }
  }

  #settle(): void {
    this.#revisions[this.#index] = this.#revision;
    this.#floors[this.#index] = this.#floor;
  }

  /** "" where the reference has no opinion. */
  #execute(command: Command | undefined, caller: AuthCaller | undefined): string {
    if (command === undefined) return "";
    const refused = this.auth.refuses(command, caller, (lease) => this.keysOf(lease));
    if (refused !== undefined) return this.#told(`error:${refused}`);
    switch (command.kind) {
      case "put":
      case "deleteRange":
      case "txn":
        return this.#write(command);
      case "leaseGrant":
        if (this.#leases.has(command.lease)) return this.#told("error:leaseExists");
        this.#leases.add(command.lease);
        this.auth.granted(command.lease, caller);
        return this.#told("done");
      case "leaseRevoke":
        return this.#revoke(command.lease);
      case "compact":
        if (command.revision <= this.#floor) return this.#told("error:compacted");
        if (command.revision > this.#revision) return this.#told("error:futureRevision");
        this.#floor = command.revision;
        return this.#told("compact");
      case "auth": {
        const fault = this.auth.change(this.#index, command.change);
        return this.#told(fault === undefined ? "done" : `error:${fault}`);
      }
      default:
        return "";
    }
  }

  #told(what: string): string {
    return `${this.#revision} ${what}`;
  }

  #write(command: PutCommand | DeleteRangeCommand | TxnCommand): string {
    const branch = command.kind === "txn" ? this.#branchOf(command) : [command];
    const refused = this.#refusal(branch);
    if (refused !== undefined) return this.#told(`error:${refused}`);
    const parts: string[] = [];
    this.#run(command, parts);
    this.#publish();
    return this.#told(parts.join(" "));
  }

  #revoke(lease: LeaseId): string {
    if (!this.#leases.delete(lease)) return this.#told("error:leaseNotFound");
    for (const { key } of this.#attached(lease)) this.#remove(key);
    this.auth.ended(lease);
    this.#publish();
    for (const listener of this.listeners) listener.leaseEnded(lease);
    return this.#told("done");
  }

  /** The live keys that hang on a lease, sorted. */
  #attached(lease: LeaseId): Change[] {
    return this.stateAt(this.#revision).filter((version) => version.lease === lease);
  }

  keysOf(lease: LeaseId): Key[] {
    return this.#attached(lease).map(({ key }) => key);
  }

  #publish(): void {
    const changes = this.#changes;
    if (changes.length === 0) return;
    this.#changes = [];
    this.#revision++;
    this.#byRevision[this.#revision] = changes;
    for (const listener of this.listeners) listener.changed(changes);
  }

  #branchOf(txn: TxnCommand): readonly TxnOp[] {
    return this.#compares(txn) ? txn.success : txn.failure;
  }

  #refusal(ops: readonly TxnOp[]): string | undefined {
    for (const op of ops) {
      if (op.kind === "put" && op.lease !== 0n && !this.#leases.has(op.lease)) {
        return "leaseNotFound";
      }
    }
    for (const op of ops) {
      if (op.kind !== "range" || op.revision === 0) continue;
      if (op.revision > this.#revision) return "futureRevision";
      if (op.revision < this.#floor) return "compacted";
    }
    return undefined;
  }

  #run(op: TxnOp, parts: string[]): void {
    switch (op.kind) {
      case "put": {
        const before = this.#newest(op.key);
        parts.push(op.prevKv && before !== undefined ? `put:${before.value}` : "put");
        this.#put(op, before);
        return;
      }
      case "deleteRange": {
        const before = this.#covered(op).map((key) => this.#newest(key) as Change);
        const [first] = before;
        parts.push(
          `delete:${before.length}${op.prevKv && first !== undefined ? `:${first.value}` : ""}`,
        );
        for (const { key } of before) this.#remove(key);
        return;
      }
      case "range":
        parts.push(`get:${this.#read(op)}`);
        return;
      case "txn":
        parts.push(this.#compares(op) ? "yes" : "no");
        for (const one of this.#branchOf(op)) this.#run(one, parts);
    }
  }

  #read(op: RangeOp): string {
    const at = op.revision === 0 ? this.#revision + 1 : op.revision;
    return this.#covered(op, at)
      .map((key) => this.versionAt(key, at)?.value)
      .join(",");
  }

  #covered(op: { readonly key: Key; readonly rangeEnd: Key }, at = this.#revision + 1): Key[] {
    const keys =
      op.rangeEnd === "" ? [op.key] : [...this.#versions.keys()].filter((key) => covers(op, key));
    return keys.filter((key) => this.versionAt(key, at) !== undefined).sort();
  }

  /** The workload compares values and create revisions, for equality. */
  #compares(txn: TxnCommand): boolean {
    return txn.compares.every((compare) => {
      const version = this.#newest(compare.key);
      if (compare.target === "value") return version?.value === decodeValue(compare.value);
      return compare.target === "create" && (version?.create ?? 0) === Number(compare.value);
    });
  }

  #newest(key: Key): Change | undefined {
    return this.versionAt(key, this.#revision + 1);
  }

  #put(op: PutCommand, previous: Change | undefined): void {
    const revision = this.#revision + 1;
    this.#add({
      key: op.key,
      revision,
      isDelete: false,
      create: previous?.create ?? revision,
      version: (previous?.version ?? 0) + 1,
      value: decodeValue(op.value),
      lease: op.lease,
      previous,
    });
  }

  #remove(key: Key): void {
    const none = { isDelete: true, create: 0, version: 0, value: 0, lease: 0n };
    this.#add({ key, revision: this.#revision + 1, previous: this.#newest(key), ...none });
  }

  #add(change: Change): void {
    this.#changes.push(change);
    const versions = this.#versions.get(change.key);
    if (versions === undefined) this.#versions.set(change.key, [change]);
    else versions.push(change);
  }
}

/** As in a range request: "" the key alone, "\0" everything from it on. */
export function covers(range: { readonly key: Key; readonly rangeEnd: Key }, key: Key): boolean {
  if (range.rangeEnd === "") return key === range.key;
  return key >= range.key && (range.rangeEnd === "\0" || key < range.rangeEnd);
}

/** What a result says, in the words of the reference. */
function describeResult(result: Result): string {
  switch (result.kind) {
    case "put":
      return result.prevKv === undefined ? "put" : `put:${decodeValue(result.prevKv.value)}`;
    case "deleteRange": {
      const previous = result.prevKvs[0];
      return `delete:${result.deleted}${previous === undefined ? "" : `:${decodeValue(previous.value)}`}`;
    }
    case "range":
      return `get:${result.kvs.map((kv) => decodeValue(kv.value)).join(",")}`;
    case "txn":
      return [result.succeeded ? "yes" : "no", ...result.responses.map(describeResult)].join(" ");
    case "error":
      return `error:${result.code}`;
    case "compact":
    case "done":
      return result.kind;
  }
}
