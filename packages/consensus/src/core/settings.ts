// What every protocol is told when it is created, checked and completed once.

import { assert } from "../assert.ts";
import type { CoreLimits, CoreOptions, MemberId } from "../contract.ts";

export interface Settings {
  readonly id: MemberId;
  readonly heartbeatTicks: number;
  readonly electionTicks: number;
  /** What a follower promises on hearing its leader: to help nobody else to lead for so long. */
  readonly promiseMs: number;
  /** What a leader may count on of that promise, its clock being as fast as may be. */
  readonly leaseMs: number;
  readonly priority: number;
  readonly leaseReads: boolean;
  readonly limits: CoreLimits;
}

export function settingsOf(options: CoreOptions): Settings {
  const { heartbeatTicks, electionTicks, tickMs, limits } = options;
  const drift = options.clockDriftMax ?? 0.1;
  const priority = options.priority ?? 1;
  assert(options.id !== "", "a member has an id");
  assert(heartbeatTicks >= 1, "a heartbeat takes at least one tick");
  assert(electionTicks > heartbeatTicks, "an election timeout outlasts a heartbeat");
  assert(drift >= 0 && drift < 1, "the clock drift is a fraction");
  assert(Number.isSafeInteger(priority) && priority >= 0, "a priority is an integer >= 0");
  return {
    id: options.id,
    heartbeatTicks,
    electionTicks,
    promiseMs: electionTicks * tickMs,
    leaseMs: electionTicks * tickMs * (1 - drift),
    priority,
    leaseReads: options.reads === "lease",
    limits: {
      messageBytesMax: limits?.messageBytesMax ?? 1024 * 1024,
      messagesInFlightMax: limits?.messagesInFlightMax ?? 256,
      uncommittedBytesMax: limits?.uncommittedBytesMax ?? 64 * 1024 * 1024,
    },
  };
}

/** What others are told: who may not lead is the last to hand leadership to. */
export function priorityNow(self: {
  readonly isFit: boolean;
  readonly settings: Settings;
}): number {
  return self.isFit ? self.settings.priority : 0;
}
