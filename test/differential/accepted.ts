// Where Althing answers as later releases of etcd do and the reference (3.4) does not. Each entry says
// why, and covers as little as it can. An entry that no longer covers anything is to be removed.

import { isDeepStrictEqual } from "node:util";
import type { ComparableAnswer } from "./answer.ts";
import type { Operation } from "./operations.ts";

export interface AcceptedDifference {
  readonly name: string;
  readonly why: string;
  covers(operation: Operation, reference: ComparableAnswer, subject: ComparableAnswer): boolean;
}

const invalidArgument = 3;
const resourceExhausted = 8;
const unimplemented = 12;
const internal = 13;

export const acceptedDifferences: readonly AcceptedDifference[] = [
  {
    name: "unknown-sort-order",
    why: "3.4 ignores a sort order it does not know; since 3.6 it is refused.",
    covers: (operation, reference, subject) =>
      subject.code === invalidArgument &&
      subject.message === "etcdserver: invalid sort option" &&
      reference.message !== subject.message &&
      Number(operation.request["sort_order"] ?? 0) > 2,
  },
  {
    name: "malformed-message-text",
    why: "The text of a decoding failure is the codec's own; the code is the same.",
    covers: (operation, reference, subject) =>
      operation.method === "raw" && reference.code === internal && subject.code === internal,
  },
  {
    name: "malformed-method-name",
    why: "A path without a method was RESOURCE_EXHAUSTED; later releases say UNIMPLEMENTED.",
    covers: (operation, reference, subject) =>
      operation.path?.lastIndexOf("/") === 0 &&
      reference.code === resourceExhausted &&
      subject.code === unimplemented,
  },
  {
    name: "hash-revision",
    why: "Since 3.6 HashKV says at which revision it was taken.",
    covers: (operation, reference, subject) =>
      operation.method === "hashKV" &&
      reference.response?.["hash_revision"] === undefined &&
      sameHash(reference, subject),
  },
];

/** What both have of it must be the same. */
function sameHash(reference: ComparableAnswer, subject: ComparableAnswer): boolean {
  const fields = ["hash", "compact_revision"];
  return fields.every((name) => reference.response?.[name] === subject.response?.[name]);
}

/** The same for what clients print, and for the JSON gateway (test/interop). */
export interface AcceptedPrint {
  readonly name: string;
  readonly why: string;
  covers(told: string, reference: unknown, subject: unknown): boolean;
}

export const acceptedPrints: readonly AcceptedPrint[] = [
  {
    name: "alarm-header",
    why: "3.4 answers Alarm without a header, and its etcdctl panics over that with -w fields.",
    covers: (told, _reference, subject) =>
      /^etcdctl alarm (list|disarm) -w (json|fields)$/.test(told) &&
      (subject as { readonly code: number }).code === 0,
  },
  {
    name: "failed-precondition-status",
    why: "Debian's 3.4 has an old gateway library: FAILED_PRECONDITION was 412, and is 400 since.",
    covers: (told, reference, subject) => {
      const [theirs, ours] = [reference as Curled, subject as Curled];
      return (
        told.startsWith("curl ") &&
        isDeepStrictEqual([theirs.status, ours.status], [412, 400]) &&
        isDeepStrictEqual(ours.lines, theirs.lines)
      );
    },
  },
  {
    name: "later-fields",
    why: "Alarm has a header and Status its quota since 3.6; 3.4 knows neither.",
    covers: (told, reference, subject) =>
      /^curl .v3.maintenance.(alarm|status) /.test(told) &&
      isDeepStrictEqual(withoutLaterFields(subject), withoutLaterFields(reference)),
  },
  {
    name: "no-password-user",
    why: "etcd tells anybody which user has no password; here that login fails as any other does.",
    covers: (told, reference, subject) =>
      told.includes("--user=keyless:x") &&
      /password was given for no password user/.test(JSON.stringify(reference)) &&
      /authentication failed, invalid user ID or password/.test(JSON.stringify(subject)),
  },
];

interface Curled {
  readonly status: number;
  readonly lines: readonly unknown[];
}

function withoutLaterFields(answer: unknown): unknown {
  const { status, lines } = answer as Curled;
  return [status, lines.map((line) => ({ ...(line as object), header: 0, dbSizeQuota: 0 }))];
}
