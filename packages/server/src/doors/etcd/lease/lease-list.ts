// Answers which leases there are, by the time that is left of them. There may be a million: they are sorted and
// encoded a step at a time.

import { type LeaseEnd, Meter, SteppedSort } from "@althing/store";
import { type EtcdInit, etcdCodecs, Writer } from "@althing/wire";
import type { UnaryCall } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import { failWith } from "../errors.ts";
import { runInSteps, stepFault } from "../steps.ts";

type Answer = EtcdInit<"LeaseLeasesResponse">;

/** Work of one step: about a millisecond. */
const stepWork = 256 * 1024;
const leasesPerStep = 2000;
/** The end of a lease, its place in the order and its place in the answer. */
const leaseBytes = 80;
const { LeaseLeasesResponse } = etcdCodecs;

export function answerLeases(
  context: DoorContext,
  ends: readonly LeaseEnd[],
  header: Answer["header"],
  call: UnaryCall<Answer>,
): void {
  const inPieces = call.respondEncoded !== undefined;
  const meter = new Meter();
  const sort = new SteppedSort(ends.length, (a, b) => isEarlier(ends[a]!, ends[b]!), meter);
  const parts: Uint8Array[] = [];
  let at = 0;
  const answered = (count: number) => {
    const leases = Array.from(sort.order.subarray(at, at + count), (place) => ends[place]!.lease);
    at += leases.length;
    return { leases: leases.map((ID) => ({ ID })) };
  };
  const step = () => {
    if (call.cancelled) return false;
    meter.allow(inPieces ? stepWork : Number.POSITIVE_INFINITY);
    if (!sort.step()) return true;
    if (!inPieces || ends.length <= leasesPerStep) {
      call.respond({ header, ...answered(ends.length) });
      return false;
    }
    if (parts.length === 0) parts.push(encoded({ header }));
    parts.push(encoded(answered(leasesPerStep)));
    if (at < ends.length) return true;
    call.respondEncoded?.(parts);
    return false;
  };
  if (ends.length > leasesPerStep && !call.charge(ends.length * leaseBytes)) {
    failWith(call, "answersFull");
  } else runInSteps(step, (error) => failWith(call, stepFault(error, context)));
}

function isEarlier(one: LeaseEnd, other: LeaseEnd): number {
  return one.endMs - other.endMs || (one.lease < other.lease ? -1 : 1);
}

const scratch = new Writer(64 * 1024);

function encoded(answer: Answer): Uint8Array {
  scratch.reset();
  LeaseLeasesResponse.write(answer, scratch);
  return scratch.take();
}
