// Random etcd requests that look for trouble: few keys, so that operations meet; every option; every edge
// value that the API lets through. What a server must never be sent is not made here.

import type {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../client/messages.ts";
import { methods } from "../client/messages.ts";
import { encode, type Message } from "../client/protobuf.ts";
import { isChosenByServer } from "./names.ts";
import type { Random } from "./random.ts";

export interface Operation {
  readonly method: keyof typeof methods | "raw";
  readonly request: Message;
  /** For "raw": where to and what. */
  readonly path?: string;
  readonly body?: Uint8Array;
}

/** What the sequence so far has made of the store; both servers agreed on it. */
export interface Known {
  revision: number;
  floor: number;
}

export interface Choices {
  readonly random: Random;
  readonly known: Known;
  /** With several, serializable reads may be stale, and some transactions divide etcd's own members. */
  readonly hasOneMember: boolean;
  /**
   * Inside a transaction: whether it deletes without an end, or puts that need the key to be there. Both
   * together can make etcd 3.4 panic, because its check comes before the delete.
   */
  readonly inTxn?: "openDeletes" | "needyPuts";
  /** Granted ones, by the names that the sequence has for them (names.ts). */
  readonly leases?: readonly bigint[];
}

const keys = [
  ...[
    "a",
    "b",
    "c",
    "aa",
    "ab",
    "abc",
    "b\0",
    "b\0\0",
    "\0",
    "\0\0",
    "k",
    "k/",
    "k/1",
    "k/2",
    "k/3",
  ],
  ...["k/10", "k0", "z", "zz", "\x7f", "\x80", "\xc3\x28", "\xfe", "\xff", "\xff\xff", "\xff\0"],
];
export const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);

export function makeOperation(choices: Choices): Operation {
  const { random } = choices;
  return random.weighted<Operation>([
    [32, () => ({ method: "put", request: put(choices) as Message })],
    [30, () => ({ method: "range", request: aloneRange(choices) as Message })],
    [8, () => ({ method: "deleteRange", request: deleteRange(choices) as Message })],
    [24, () => ({ method: "txn", request: wholeTxn(choices) as Message })],
    [3, () => ({ method: "compact", request: compaction(choices) })],
    [2, () => oversized(random)],
    [1, () => raw(choices)],
  ]);
}

export function key({ random }: Pick<Choices, "random">): string {
  return random.chance(0.02) ? "" : random.pick(keys);
}

export function rangeEnd(choices: Pick<Choices, "random">, start: string): string {
  const { random } = choices;
  return random.weighted([
    [30, () => ""],
    [12, () => "\0"],
    [20, () => prefixEnd(start)],
    // As often as not before the start: an empty range, or an inverted one.
    [30, () => random.pick(keys)],
    [3, () => start],
    [5, () => `${start}\0`],
  ]);
}

export function prefixEnd(prefix: string): string {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const byte = prefix.charCodeAt(at);
    if (byte < 0xff) return prefix.slice(0, at) + String.fromCharCode(byte + 1);
  }
  return "\0";
}

function value({ random }: Choices): string {
  return random.weighted([
    [20, () => ""],
    [60, () => String(random.below(50))],
    [10, () => String.fromCharCode(random.below(256)).repeat(random.below(300))],
    [2, () => "x".repeat(20_000)],
  ]);
}

function revision({ random, known }: Choices): number | bigint {
  return random.weighted<number | bigint>([
    [30, () => 1 + random.below(known.revision)],
    [20, () => known.revision - random.below(5)],
    [8, () => known.revision + 1],
    [4, () => known.revision + random.below(1000)],
    [12, () => known.floor + random.below(3) - 1],
    [4, () => -1],
    [2, () => 0],
    [2, () => int64Max],
    [2, () => int64Min],
  ]);
}

export function sometimes<T>(random: Random, share: number, make: () => T): T | undefined {
  return random.chance(share) ? make() : undefined;
}

/**
 * Leaves out what is undefined, and empty keys and range ends as every proto3 encoder does: etcd takes
 * an empty range end that is present on the wire for "all keys from here", which no client can mean.
 */
export function message<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => {
      return value !== undefined && !(value === "" && (name === "range_end" || name === "key"));
    }),
  ) as T;
}

function range(choices: Choices): RangeRequest {
  const { random } = choices;
  const start = key(choices);
  const hasSort = random.chance(0.4);
  return message<RangeRequest>({
    key: start,
    range_end: sometimes(random, 0.8, () => rangeEnd(choices, start)),
    limit: sometimes(random, 0.35, () => random.pick([0, 1, 2, 3, 5, 100, -1, int64Max, int64Min])),
    revision: sometimes(random, 0.3, () => revision(choices)),
    sort_order: hasSort ? random.pick([0, 1, 1, 1, 2, 2, 2]) : undefined,
    sort_target: hasSort ? random.below(5) : undefined,
    serializable: sometimes(random, choices.hasOneMember ? 0.3 : 0, () => true),
    keys_only: sometimes(random, 0.15, () => true),
    count_only: sometimes(random, 0.1, () => true),
    min_mod_revision: sometimes(random, 0.1, () => revision(choices)),
    max_mod_revision: sometimes(random, 0.1, () => revision(choices)),
    min_create_revision: sometimes(random, 0.1, () => revision(choices)),
    max_create_revision: sometimes(random, 0.1, () => revision(choices)),
  });
}

/**
 * A transaction that writes and reads an impossible revision makes etcd 3.4's members disagree: the
 * one that was asked refuses it, the others carry out its writes. No reference to compare with.
 */
function rangeInTxn(choices: Choices): RangeRequest {
  const { revision: _, ...made } = range(choices);
  return choices.hasOneMember ? range(choices) : made;
}

/**
 * An unknown order is ignored by etcd 3.4 and refused by later ones: only outside of transactions,
 * where a refusal leaves no trace. An unknown target crashes 3.4 and is never sent.
 */
function aloneRange(choices: Choices): RangeRequest {
  const made = range(choices);
  return choices.random.chance(0.01) ? { ...made, sort_order: 7 } : made;
}

function put(choices: Choices): PutRequest {
  const { random } = choices;
  const canNeedKey = choices.inTxn !== "openDeletes";
  const ignoresValue = canNeedKey && random.chance(0.1);
  return message<PutRequest>({
    key: key(choices),
    value: ignoresValue && random.chance(0.8) ? undefined : value(choices),
    lease: sometimes(random, choices.leases?.length ? 0.3 : 0.03, () => someLease(choices)),
    prev_kv: sometimes(random, 0.4, () => true),
    ignore_value: ignoresValue || undefined,
    ignore_lease: sometimes(random, canNeedKey ? 0.1 : 0, () => true),
  });
}

function someLease({ random, leases = [] }: Choices): number | bigint {
  return random.chance(0.9) && leases.length > 0
    ? random.pick(leases)
    : random.pick([12_345, -1, int64Max]);
}

function deleteRange(choices: Choices): DeleteRangeRequest {
  const { random } = choices;
  const start = key(choices);
  return message<DeleteRangeRequest>({
    key: start,
    // Deleting everything too often would leave nothing to look at.
    range_end: sometimes(random, 0.5, () => {
      const end = rangeEnd(choices, start);
      const isOpen = choices.inTxn !== "needyPuts" && random.chance(0.3);
      return end === "\0" && !isOpen ? `${start}\0` : end;
    }),
    prev_kv: sometimes(random, 0.5, () => true),
  });
}

function txn(choices: Choices, depth: number): TxnRequest {
  const { random } = choices;
  const opsMax = depth === 0 && random.chance(0.03) ? 131 : 4;
  const ops = () => {
    const made = random.list(opsMax, () => requestOp(choices, depth));
    return made.length > 0 ? made : undefined;
  };
  return message<TxnRequest>({
    compare: sometimes(random, 0.8, () =>
      random.list(opsMax > 4 ? 130 : 3, () => compare(choices)),
    ),
    success: ops(),
    failure: ops(),
  });
}

function wholeTxn(choices: Choices): TxnRequest {
  const inTxn = choices.random.pick(["openDeletes", "needyPuts"] as const);
  const made = txn({ ...choices, inTxn }, 0);
  // Without any operation it is answered from local state, which may be behind.
  if (choices.hasOneMember || made.success !== undefined || made.failure !== undefined) {
    return made;
  }
  return { ...made, success: [{ request_range: { key: "a" } }] };
}

function requestOp(choices: Choices, depth: number): RequestOp {
  const { random } = choices;
  return random.weighted<RequestOp>([
    [40, () => ({ request_put: put(choices) })],
    [35, () => ({ request_range: rangeInTxn(choices) })],
    [20, () => ({ request_delete_range: deleteRange(choices) })],
    [depth < 3 ? 15 : 0, () => ({ request_txn: txn(choices, depth + 1) })],
    [1, () => ({})],
  ]);
}

function compare(choices: Choices): Compare {
  const { random, known } = choices;
  const start = key(choices);
  const target = random.below(5);
  const near = () => {
    return random.weighted<number | bigint>([
      [40, () => 0],
      [20, () => 1 + random.below(3)],
      [30, () => known.revision - random.below(20)],
      [2, () => random.pick([-1, int64Max, int64Min])],
    ]);
  };
  // Mostly the value that belongs to the target; sometimes another one's, sometimes none.
  const given = random.chance(0.92) ? target : random.below(6);
  const lease = random.chance(0.5) && choices.leases?.length ? random.pick(choices.leases) : near();
  const result = random.chance(0.98) ? random.below(4) : 7;
  return message<Compare>({
    // Which of two ids that servers chose is the larger is chance.
    result: given === 4 && isChosenByServer(lease) ? random.pick([0, 3]) : result,
    target,
    key: start,
    version: given === 0 ? near() : undefined,
    create_revision: given === 1 ? near() : undefined,
    mod_revision: given === 2 ? near() : undefined,
    value: given === 3 ? value(choices) : undefined,
    lease: given === 4 ? lease : undefined,
    range_end: sometimes(random, 0.3, () => rangeEnd(choices, start)),
  });
}

function compaction(choices: Choices): Message {
  const { random, known } = choices;
  return message<Message>({
    // Mostly far enough back that old revisions can still be read.
    revision: random.chance(0.6)
      ? Math.max(known.floor + 1, known.revision - 20 - random.below(60))
      : revision(choices),
    physical: sometimes(random, 0.5, () => true),
  });
}

function oversized(random: Random): Operation {
  const bytes = random.pick([1_000_000, 1_572_000, 1_573_000, 2_000_000, 2_097_152, 3_000_000]);
  return { method: "put", request: { key: "large", value: new Uint8Array(bytes).fill(97) } };
}

function raw(choices: Choices): Operation {
  const { random } = choices;
  const requestBytes = () => encode(methods.put.request, put(choices) as Message);
  const path = methods.put.path;
  const make = (to: string, body: Uint8Array): Operation => {
    const shown = { path: to, body: Buffer.from(body).toString("latin1") };
    return { method: "raw", request: shown, path: to, body };
  };
  return random.weighted<Operation>([
    [2, () => make("/etcdserverpb.KV/Nope", requestBytes())],
    [2, () => make("/etcdserverpb.Nope/Put", requestBytes())],
    [2, () => make("/nope", requestBytes())],
    // A field that no version knows.
    [2, () => make(path, Buffer.concat([requestBytes(), Buffer.from([0xfa, 0x3e, 2, 1, 2])]))],
    // A length that runs past the end.
    [2, () => make(path, Buffer.from([0x0a, 0x7f, 0x61]))],
    [1, () => make(path, Buffer.from([0xff, 0xff, 0xff]))],
  ]);
}
