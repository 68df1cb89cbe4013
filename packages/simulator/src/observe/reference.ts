// A second, naive store: it executes the committed commands of the workload in log order as etcd
// defines them, so that every answer, every revision and every weak read can be compared with what
// the log says. It knows what the workload uses and nothing more.

import type {
  Command,
  DeleteRangeCommand,
  PutCommand,
  Result,
  TxnCommand,
  TxnOp,
} from "@althing/store";
import type { Verdicts } from "../checkers/verdicts.ts";

interface Version {
  readonly revision: number;
  /** 0: deleted. */
  readonly value: number;
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
  readonly #verdicts: Verdicts;
  readonly #versions = new Map<string, Version[]>();
  /** By index: what the store must answer there. */
  readonly #answers = new Map<number, string>();
  #revision = 1;
  #index = 0;

  constructor(verdicts: Verdicts) {
    this.#verdicts = verdicts;
  }

  get revision(): number {
    return this.#revision;
  }

  /** The value of a key at a revision; undefined beyond what is known to be committed. */
  valueAt(key: string, revision: number): number | undefined {
    if (revision > this.#revision) return undefined;
    const versions = this.#versions.get(key) ?? [];
    for (let i = versions.length - 1; i >= 0; i--) {
      const version = versions[i] as Version;
      if (version.revision <= revision) return version.value;
    }
    return 0;
  }

  /** An entry without a command that changes keys. */
  nothing(index: number): void {
    if (index > this.#index) this.#index = index;
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
      this.#answers.set(index, this.#execute(decode(bytes)));
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

  /** "" where the reference has no opinion. */
  #execute(command: Command | undefined): string {
    if (command === undefined) return "";
    switch (command.kind) {
      case "put":
      case "deleteRange":
      case "txn": {
        const next = this.#revision + 1;
        const parts: string[] = [];
        const wrote = this.#run(command, next, parts);
        if (wrote) this.#revision = next;
        return `${this.#revision} ${parts.join(" ")}`;
      }
      default:
        return "";
    }
  }

  #run(op: PutCommand | DeleteRangeCommand | TxnOp, revision: number, parts: string[]): boolean {
    switch (op.kind) {
      case "put": {
        const before = this.#value(op.key);
        parts.push(op.prevKv && before !== 0 ? `put:${before}` : "put");
        this.#write(op.key, { revision, value: decodeValue(op.value) });
        return true;
      }
      case "deleteRange": {
        const before = this.#value(op.key);
        const told = op.prevKv && before !== 0 ? `:${before}` : "";
        parts.push(`delete:${before === 0 ? 0 : 1}${told}`);
        if (before === 0) return false;
        this.#write(op.key, { revision, value: 0 });
        return true;
      }
      case "range":
        parts.push(`get:${this.#value(op.key)}`);
        return false;
      case "txn": {
        const succeeded = this.#compares(op);
        parts.push(succeeded ? "yes" : "no");
        let wrote = false;
        for (const one of succeeded ? op.success : op.failure) {
          wrote = this.#run(one, revision, parts) || wrote;
        }
        return wrote;
      }
    }
  }

  /** The workload compares values, and for absence the create revision with 0. */
  #compares(txn: TxnCommand): boolean {
    return txn.compares.every((compare) => {
      const value = this.#value(compare.key);
      if (compare.target === "value") return value !== 0 && value === decodeValue(compare.value);
      return compare.target === "create" && value === 0;
    });
  }

  #value(key: string): number {
    return this.#versions.get(key)?.at(-1)?.value ?? 0;
  }

  #write(key: string, version: Version): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, [version]);
    else if (versions.at(-1)?.revision === version.revision)
      versions[versions.length - 1] = version;
    else versions.push(version);
  }
}

/** What a result says, in the words of the reference. */
export function describeResult(result: Result): string {
  switch (result.kind) {
    case "put":
      return result.prevKv === undefined ? "put" : `put:${decodeValue(result.prevKv.value)}`;
    case "deleteRange": {
      const previous = result.prevKvs[0];
      return `delete:${result.deleted}${previous === undefined ? "" : `:${decodeValue(previous.value)}`}`;
    }
    case "range": {
      const kv = result.kvs[0];
      return `get:${kv === undefined ? 0 : decodeValue(kv.value)}`;
    }
    case "txn":
      return [result.succeeded ? "yes" : "no", ...result.responses.map(describeResult)].join(" ");
    case "error":
      return `error:${result.code}`;
    case "compact":
    case "done":
      return result.kind;
  }
}
