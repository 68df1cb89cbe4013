// Answers which keys hang on a lease. There may be a million: they are sorted and encoded a step at a time, and
// charged to the call once it is known what they weigh.

import type { LeaseKeysRun } from "@althing/store";
import { type EtcdInit, etcdCodecs, Writer } from "@althing/wire";
import type { UnaryCall } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import { failWith } from "../errors.ts";
import { runInSteps, stepFault } from "../steps.ts";

type Answer = EtcdInit<"LeaseTimeToLiveResponse">;

/** Work of one step: about a millisecond. */
const stepWork = 512 * 1024;
const { LeaseTimeToLiveResponse } = etcdCodecs;

export function answerWithKeys(
  context: DoorContext,
  run: LeaseKeysRun,
  answer: Answer,
  call: UnaryCall<Answer>,
): void {
  const parts: Uint8Array[] = [];
  let chargedBytes = 0;
  const step = () => {
    if (call.cancelled) return false;
    run.allow(call.respondEncoded === undefined ? Number.POSITIVE_INFINITY : stepWork);
    const keys: Uint8Array[] = [];
    for (;;) {
      const next = run.next();
      if (next !== undefined && next.length > 0) {
        for (const key of next) keys.push(Buffer.from(key, "latin1"));
        continue;
      }
      if (next !== undefined) {
        if (parts.length === 0) call.respond({ ...answer, keys });
        else call.respondEncoded?.([...parts, encoded({ keys })]);
        return false;
      }
      const more = run.heldBytes - chargedBytes;
      if (!call.charge(more)) {
        failWith(call, "answersFull");
        return false;
      }
      chargedBytes += more;
      if (keys.length > 0) {
        if (parts.length === 0) parts.push(encoded(answer));
        parts.push(encoded({ keys }));
      }
      return true;
    }
  };
  runInSteps(step, (error) => failWith(call, stepFault(error, context)));
}

const scratch = new Writer(64 * 1024);

function encoded(answer: Answer): Uint8Array {
  scratch.reset();
  LeaseTimeToLiveResponse.write(answer, scratch);
  return scratch.take();
}
