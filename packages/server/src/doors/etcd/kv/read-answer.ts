// Answers a range, or a txn of ranges, whose pairs may be many. What fits one step is answered at once, as
// nearly every one is; the rest is read and encoded a step at a time. What it holds is charged to the call as
// soon as it is known, which is before the first value is read.

import type {
  KeyValue,
  RangeRequest,
  RangeResult,
  ReadRun,
  StoreErrorCode,
  TxnCommand,
  TxnResult,
} from "@althing/store";
import { commandWorkMax } from "@althing/store";
import * as wire from "@althing/wire";
import type { UnaryCall } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { encoded } from "../encoded.ts";
import { type EtcdErrorCode, failWith } from "../errors.ts";
import { runInSteps, stepFault } from "../steps.ts";

/** Work of one step: about a millisecond. */
const stepWork = 512 * 1024;

/** A thousand such values, asked for at once, take a second to copy. */
const largeValueBytes = 16 * 1024;

/** Pairs of one range of the run. */
interface Piece {
  readonly range: number;
  readonly kvs: readonly KeyValue[];
}

/** How an answer of one kind is made, of all pieces at once or of one after the other. */
interface Form<Answer> {
  whole(run: ReadRun, pieces: readonly Piece[]): Answer;
  parts(run: ReadRun): Parts;
}

interface Parts {
  add(piece: Piece): void;
  finish(): readonly Uint8Array[];
}

export function answerRange(
  context: DoorContext,
  view: MemberView,
  request: RangeRequest,
  call: UnaryCall<RangeResult>,
): void {
  // One value, unless it is sought in the past, fits any step and needs no books kept of it.
  if (request.rangeEnd === "" && request.revision <= 0) {
    const result = context.store.range(request);
    if (result.kind === "error") failWith(call, result.code);
    else if ((result.kvs[0]?.value.length ?? 0) <= largeValueBytes) call.respond(result);
    else respondLarge(context, request, call);
    return;
  }
  answer(context, context.store.openRange(request), call, {
    whole: (run, pieces) => rangeResult(run, 0, pieces),
    parts(run) {
      const parts = [
        encoded((writer) => wire.encodeRangeHead(writer, view.ids, view.raftTerm, run.revision)),
      ];
      return {
        add: ({ kvs }) => parts.push(encodedPairs(kvs)),
        finish: () => [...parts, encodedTail(run, 0)],
      };
    },
  });
}

/** In its turn among all that takes long. What was read is good for this turn only: it is read again. */
function respondLarge(
  context: DoorContext,
  request: RangeRequest,
  call: UnaryCall<RangeResult>,
): void {
  const step = () => {
    if (call.cancelled) return false;
    const result = context.store.range(request);
    if (result.kind === "error") failWith(call, result.code);
    else call.respond(result);
    return false;
  };
  runInSteps(step, (error) => failWith(call, stepFault(error, context)));
}

/** `txn` has no other operations than ranges. */
export function answerTxn(
  context: DoorContext,
  view: MemberView,
  txn: TxnCommand,
  call: UnaryCall<TxnResult>,
): void {
  const inParts = call.respondEncoded !== undefined;
  const run = context.store.openTxn(txn, inParts ? undefined : commandWorkMax);
  answer(context, run, call, {
    whole: (run, pieces): TxnResult => ({
      kind: "txn",
      revision: run.revision,
      succeeded: run.succeeded,
      responses: run.ranges!.map((_range, i) => rangeResult(run, i, pieces)),
    }),
    parts: (run) => txnParts(view, run),
  });
}

function answer<Answer>(
  context: DoorContext,
  run: ReadRun | { readonly kind: "error"; readonly code: StoreErrorCode },
  call: UnaryCall<Answer>,
  form: Form<Answer>,
): void {
  if ("kind" in run) {
    failWith(call, run.code);
    return;
  }
  let parts: Parts | undefined;
  let chargedBytes = 0;
  const refuse = (code: EtcdErrorCode) => {
    run.close();
    failWith(call, code);
    return false;
  };
  const step = (): boolean => {
    if (call.cancelled) {
      run.close();
      return false;
    }
    run.allow(call.respondEncoded === undefined ? Number.POSITIVE_INFINITY : stepWork);
    // Values may be views that are good for this turn: they are encoded before it ends.
    const pieces: Piece[] = [];
    for (;;) {
      const next = run.next();
      switch (next.kind) {
        case "pairs":
          pieces.push(next);
          break;
        case "paused": {
          const more = run.heldBytes - chargedBytes;
          if (more > 0 && !call.charge(more)) return refuse("answersFull");
          if (more < 0) call.release(-more);
          chargedBytes += more;
          if (pieces.length === 0) return true;
          parts ??= form.parts(run);
          for (const piece of pieces) parts.add(piece);
          return true;
        }
        case "end":
          run.close();
          if (parts === undefined) call.respond(form.whole(run, pieces));
          else {
            for (const piece of pieces) parts.add(piece);
            call.respondEncoded?.(parts.finish());
          }
          return false;
        case "error":
          return refuse(next.code);
      }
    }
  };
  runInSteps(step, (error) => refuse(stepFault(error, context)));
}

function rangeResult(run: ReadRun, range: number, pieces: readonly Piece[]): RangeResult {
  const { count, more } = run.ranges![range]!;
  const kvs = pieces.find((piece) => piece.range === range)?.kvs ?? [];
  return { kind: "range", revision: run.revision, count, more, kvs };
}

/** Each range is a message of its own among the responses: its length stands before it. */
function txnParts(view: MemberView, run: ReadRun): Parts {
  const { revision, succeeded } = run;
  const parts = [
    encoded((writer) => {
      wire.encodeTxnHead(writer, view.ids, view.raftTerm, revision, succeeded);
    }),
  ];
  let body: Uint8Array[] = [];
  let range = 0;
  const begin = () => {
    body = [encoded((writer) => wire.encodeRangeOpHead(writer, revision))];
  };
  const closeUntil = (next: number) => {
    for (; range < next; range++) {
      body.push(encodedTail(run, range));
      const bodyBytes = body.reduce((sum, { length }) => sum + length, 0);
      parts.push(encoded((writer) => wire.encodeRangeOpPrefix(writer, bodyBytes)));
      for (const part of body) parts.push(part);
      begin();
    }
  };
  begin();
  return {
    add(piece) {
      closeUntil(piece.range);
      body.push(encodedPairs(piece.kvs));
    },
    finish() {
      closeUntil(run.ranges!.length);
      return parts;
    },
  };
}

function encodedPairs(kvs: readonly KeyValue[]): Uint8Array {
  return encoded((writer) => wire.encodeRangePiece(writer, kvs));
}

function encodedTail(run: ReadRun, range: number): Uint8Array {
  const { count, more } = run.ranges![range]!;
  return encoded((writer) => wire.encodeRangeTail(writer, more, count));
}
