// Answers a range whose values may be many: what fits one step is answered at once, as nearly every range
// is; the rest is read and encoded a step per turn of the loop, so that heartbeats go on leaving.

import type { RangeRequest, RangeResult } from "@althing/store";
import * as wire from "@althing/wire";
import type { UnaryCall } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { failWith } from "../errors.ts";
import { stepFault } from "../steps.ts";

/** Read and encoded in one turn: about a millisecond. */
const stepBytes = 512 * 1024;

export function answerRange(
  context: DoorContext,
  view: MemberView,
  request: RangeRequest,
  call: UnaryCall<RangeResult>,
): void {
  const { store } = context.member;
  // One value at most fits any step, and needs no books kept of what is still to be read.
  if (request.rangeEnd === "" || request.countOnly || request.limit === 1) {
    const result = store.range(request);
    if (result.kind === "error") failWith(call, result.code);
    else call.respond(result);
    return;
  }
  const run = store.openRange(request);
  if ("kind" in run) {
    failWith(call, run.code);
    return;
  }
  const { revision, count, more } = run;
  const first = run.next(call.respondEncoded === undefined ? Number.POSITIVE_INFINITY : stepBytes);
  if (run.remaining === 0) {
    run.close();
    call.respond({ kind: "range", revision, count, more, kvs: first });
    return;
  }
  const parts = [
    encoded((writer) => wire.encodeRangeHead(writer, view.ids, view.raftTerm, revision)),
    encoded((writer) => wire.encodeRangePiece(writer, first)),
  ];
  const step = () => {
    if (call.cancelled) {
      run.close();
      return;
    }
    try {
      const kvs = run.next(stepBytes);
      parts.push(encoded((writer) => wire.encodeRangePiece(writer, kvs)));
    } catch (error) {
      run.close();
      failWith(call, stepFault(error, context));
      return;
    }
    if (run.remaining > 0) {
      setImmediate(step);
      return;
    }
    run.close();
    parts.push(encoded((writer) => wire.encodeRangeTail(writer, more, count)));
    call.respondEncoded?.(parts);
  };
  setImmediate(step);
}

function encoded(write: (writer: wire.Writer) => void): Uint8Array {
  const writer = new wire.Writer(1024, (size) => Buffer.allocUnsafeSlow(size));
  write(writer);
  return writer.surrender();
}
