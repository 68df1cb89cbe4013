// The line for locks and elections (@althing/member) as calls come to it: in the name of their users, with
// the texts of etcd, all under the code UNKNOWN.

import { randomBytes } from "node:crypto";
import {
  type CallerOutcome,
  type Claim,
  type Claimant,
  Succession,
  type SuccessionFault,
} from "@althing/service";
import type { Key } from "@althing/store";
import { type CallContext, type GrpcStatus, grpcStatus } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Access } from "../auth/access.ts";
import { type EtcdErrorCode, etcdErrors } from "../errors.ts";
import type { WatchHub } from "../watch/watch-hub.ts";

const faults = {
  lock: { sessionExpired: "mutex: session is expired", cancelled: "context canceled" },
  election: { sessionExpired: "election: session is expired", cancelled: "context canceled" },
} as const;

export function createSuccession({ member, store }: DoorContext, hub: WatchHub): Succession {
  return new Succession({
    member,
    store,
    hub,
    drawLease: () => (randomBytes(8).readBigUInt64BE() >> 1n) | 1n,
    after: (ms, run) => setTimeout(run, ms).unref(),
  });
}

export function claimantOf(
  call: CallContext & { fail(status: GrpcStatus, message: string): void },
  kind: Claim["kind"],
  access: Access,
): Claimant {
  return {
    get cancelled() {
      return call.cancelled;
    },
    onCancel: (run) => call.onCancel(run),
    fail(fault) {
      const own = fault === "sessionExpired" || fault === "cancelled";
      call.fail(grpcStatus.unknown, own ? faults[kind][fault] : etcdErrors[fault].message);
    },
    // Whatever is refused comes back to `fail` alone, which knows all of the door's codes.
    propose: (command, done) =>
      access.propose(call, command, done as (outcome: CallerOutcome<EtcdErrorCode>) => void),
    refusesRange: (range) => access.refusesRange(call, range) as SuccessionFault | undefined,
  };
}

export function keyOf(bytes: Uint8Array): Key {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

export function bytesOf(key: Key): Uint8Array {
  return Buffer.from(key, "latin1");
}
