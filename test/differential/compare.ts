// Whether two answers to one request mean the same. Ids and terms belong to a cluster and are only compared
// for being there; the order of equal elements of a sorted range is nobody's promise.

import { isDeepStrictEqual } from "node:util";
import type { Message } from "../client/protobuf.ts";
import { acceptedDifferences } from "./accepted.ts";
import type { ComparableAnswer } from "./answer.ts";
import type { Operation } from "./operations.ts";

export interface Difference {
  readonly reference: unknown;
  readonly subject: unknown;
  /** The first place where they differ, and what each has there. */
  readonly at: string;
}

/** Undefined when they agree; otherwise both as they were compared. */
export function difference(
  operation: Operation,
  reference: ComparableAnswer,
  subject: ComparableAnswer,
): Difference | undefined {
  for (const accepted of acceptedDifferences) {
    if (accepted.covers(operation, reference, subject)) return undefined;
  }
  const both = {
    reference: comparable(operation, reference),
    subject: comparable(operation, subject),
  };
  if (isDeepStrictEqual(both.reference, both.subject)) return undefined;
  return { ...both, at: firstDifference(both.reference, both.subject, "") };
}

function firstDifference(one: unknown, other: unknown, path: string): string {
  const [left, right] = [one, other].map((side) => {
    return typeof side === "object" && side !== null
      ? (side as Record<string, unknown>)
      : undefined;
  });
  if (left === undefined || right === undefined) return `${path}: ${brief(one)} or ${brief(other)}`;
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
    if (isDeepStrictEqual(left[name], right[name])) continue;
    return firstDifference(left[name], right[name], `${path}.${name}`);
  }
  return path;
}

function brief(value: unknown): string {
  const text = typeof value === "bigint" ? `${value}` : (JSON.stringify(value) ?? "nothing");
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function comparable(operation: Operation, answer: ComparableAnswer): unknown {
  if (answer.response === undefined) return { code: answer.code, message: answer.message };
  const masked = settleLease(operation, maskIds(answer.response) as Message);
  return { code: answer.code, response: settleTies(operation.request, masked) };
}

/** Far more than a sequence takes, far less than what is granted in one that is never to expire. */
const secondsPassedMax = 600;

/** How much is left of a lease depends on the moment; lists of leases and of a lease's keys have no order. */
function settleLease({ method }: Operation, response: Message): Message {
  if (method === "authenticate") {
    const isToken = /^[a-zA-Z]{16}\.\d+$/.test(String(response["token"]));
    return { ...response, token: isToken ? "a token" : response["token"] };
  }
  if (method === "leaseLeases") {
    const leases = [...((response["leases"] ?? []) as readonly Message[])];
    return { ...response, leases: leases.sort((a, b) => compareIds(a["ID"], b["ID"])) };
  }
  if (method !== "leaseTimeToLive") return response;
  const { TTL, grantedTTL, keys, ...rest } = response;
  const passed = Number(grantedTTL) - Number(TTL);
  const isFresh = Math.abs(passed) < secondsPassedMax;
  const sorted = [...((keys ?? []) as readonly string[])].sort();
  return { ...rest, grantedTTL, keys: sorted, TTL: isFresh ? "as granted, about" : TTL };
}

function compareIds(one: unknown, other: unknown): number {
  return BigInt(one as bigint) < BigInt(other as bigint) ? -1 : 1;
}

const idsOfHeader = new Set(["cluster_id", "member_id", "raft_term"]);

function maskIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskIds);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      return [name, idsOfHeader.has(name) ? "an id" : maskIds(inner)];
    }),
  );
}

/** Walks request and response together, because only the request knows how a range was sorted. */
function settleTies(request: Message, response: Message): Message {
  if (Array.isArray(response["kvs"])) return { ...response, kvs: settleRange(request, response) };
  const responses = response["responses"];
  if (!Array.isArray(responses)) return response;
  const branch = response["succeeded"] === true ? "success" : "failure";
  const ops = (request[branch] ?? []) as readonly Message[];
  return {
    ...response,
    responses: responses.map((opResponse: Message, i) => {
      const op = ops[i] ?? {};
      return Object.fromEntries(
        Object.entries(opResponse).map(([name, inner]) => {
          const inside = (op[name.replace("response_", "request_")] ?? {}) as Message;
          return [name, settleTies(inside, inner as Message)];
        }),
      );
    }),
  };
}

const fieldOfTarget = ["key", "version", "create_revision", "mod_revision", "value"] as const;

/**
 * Within a run of equal sort values, by key. When a limit cut such a run, which of its elements came
 * is anybody's choice: then only how many.
 */
function settleRange(request: Message, response: Message): unknown[] {
  const kvs = response["kvs"] as readonly Message[];
  const target = Number(request["sort_target"] ?? 0);
  const order = Number(request["sort_order"] ?? 0);
  if (target === 0) return [...kvs];
  const field = fieldOfTarget[target] ?? "key";
  const hidesTies = target === 4 && request["keys_only"] === true;
  const groups: Message[][] = [];
  for (const kv of kvs) {
    const last = groups.at(-1);
    const isTie = last !== undefined && (hidesTies || last[0]?.[field] === kv[field]);
    if (isTie) last.push(kv);
    else groups.push([kv]);
  }
  // Without an order the limit is applied in key order, before the sort: nothing is left to choose.
  const cutGroup = response["more"] === true && order !== 0 ? groups.length - 1 : -1;
  return groups.flatMap((group, i) => {
    if (i === cutGroup) return [{ cut: group.length, [field]: hidesTies ? 0 : group[0]?.[field] }];
    return group.sort((a, b) => (String(a["key"]) < String(b["key"]) ? -1 : 1));
  });
}
