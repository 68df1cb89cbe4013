// Steps of a member as numbers: a kind, what it carries and whom it is about. In one state of a member a
// number names one step, so what came of it before is found by it, and the step itself is made only once.

import type { MemberId, MembershipChange } from "@althing/consensus";
import { type Step, type Store, tokenOfRead } from "./machine.ts";

export const stepKinds = {
  receive: 0,
  persist: 1,
  install: 2,
  beat: 3,
  compact: 4,
  crash: 5,
  crashInInstall: 6,
  hangUp: 7,
  campaign: 8,
  propose: 9,
  remove: 10,
  transfer: 11,
  snapshot: 12,
  sent: 13,
  grow: 14,
  read: 15,
} as const;

export function keyOfStep(kind: number, what = 0, whom = 0): number {
  return (what * 8 + whom) * 16 + kind;
}

/** Snapshots and ends of streams carry two numbers. */
const epochs = 64;
export function snapshotOf(store: number, epoch: number): number {
  return store * epochs + epoch;
}

export interface Carried {
  readonly members: readonly MemberId[];
  message(number: number): Uint8Array;
  store(number: number): Store;
}

export function stepOfKey(key: number, { members, message, store }: Carried): Step {
  const kind = key % 16;
  const whom = Math.floor(key / 16) % 8;
  const what = Math.floor(key / 128);
  switch (kind) {
    case stepKinds.receive:
      return { kind: "receive", from: members[whom]!, bytes: message(what) };
    case stepKinds.persist:
      return { kind: "persist" };
    case stepKinds.install:
      return { kind: "install" };
    case stepKinds.beat:
      return { kind: "beat" };
    case stepKinds.compact:
      return { kind: "compact" };
    case stepKinds.crash:
      return { kind: "crash", written: what };
    case stepKinds.crashInInstall:
      return { kind: "crashInInstall" };
    case stepKinds.hangUp:
      return { kind: "hangUp", campaigns: false };
    case stepKinds.campaign:
      return { kind: "hangUp", campaigns: true };
    case stepKinds.propose: {
      const proposals = [{ token: 1, payload: Uint8Array.of(what) }];
      return { kind: "input", input: { kind: "propose", proposals } };
    }
    case stepKinds.remove:
      return change([{ kind: "remove", member: members[what]! }]);
    case stepKinds.grow: {
      // A bit for each that is to join.
      const joining = members.filter((_, place) => ((what >>> place) & 1) === 1);
      return change(joining.map((member) => ({ kind: "addVoter", member })));
    }
    case stepKinds.read:
      return { kind: "input", input: { kind: "read", token: tokenOfRead(what) } };
    case stepKinds.transfer:
      return { kind: "input", input: { kind: "transferLeadership", to: members[what]!, token: 3 } };
    case stepKinds.snapshot: {
      const number = Math.floor(what / epochs);
      return { kind: "snapshot", from: members[whom]!, epoch: what % epochs, store: store(number) };
    }
    case stepKinds.sent: {
      const index = Math.floor(what / 2);
      const input = {
        kind: "snapshotSent",
        to: members[whom]!,
        ok: what % 2 === 1,
        index,
      } as const;
      return { kind: "input", input };
    }
    default:
      throw new Error(`no step has the key ${key}`);
  }
}

function change(changes: readonly MembershipChange[]): Step {
  const context = new Uint8Array(0);
  return { kind: "input", input: { kind: "changeMembership", changes, context, token: 2 } };
}
