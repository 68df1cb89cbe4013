// A turn ends: what was decided becomes one list of effects, in the order in which it is to be done.
// The write comes before the messages, because what is not told to wait for it may go beside it.

import type { Effect, Entry, Epoch, Index, MemberId, Membership, Role } from "../contract.ts";
import type { Outbox } from "./outbox.ts";

/** A core's state, as far as handing out goes. */
interface Decided<Message, State> {
  readonly outbox: Outbox<Message, State>;
  readonly log: { slice(first: Index, last: Index): Entry[] };
  readonly installing: unknown;
  applySentIndex: Index;
}

/** How a protocol's state is seen from outside. */
export interface View<Self, Message, State> {
  role(self: Self): Role;
  epoch(self: Self): Epoch;
  leader(self: Self): MemberId | undefined;
  membership(self: Self): Membership;
  /** Pushes at most one persist effect. */
  takePersist(self: Self, effects: Effect<Message, State>[]): void;
  /** What the store may be told: committed and on this member's own disk. */
  applicableIndex(self: Self): Index;
}

export function handOut<Self extends Decided<Message, State>, Message, State>(
  self: Self,
  view: View<Self, Message, State>,
): Effect<Message, State>[] {
  const { outbox } = self;
  const effects: Effect<Message, State>[] = [];
  // Before the role: a leader may end its lead in the same turn.
  if (outbox.membershipSettled !== undefined) {
    effects.push({ kind: "membershipSettled", index: outbox.membershipSettled });
    outbox.membershipSettled = undefined;
  }
  tellRole(self, view, effects);
  if (outbox.membershipChanged) {
    outbox.membershipChanged = false;
    effects.push({ kind: "membershipChanged", membership: view.membership(self) });
  }
  outbox.answers = moveTo(effects, outbox.answers);
  view.takePersist(self, effects);
  outbox.sends = moveTo(effects, outbox.sends);
  outbox.snapshots = moveTo(effects, outbox.snapshots);
  takeApply(self, view, effects);
  outbox.readsReady = moveTo(effects, outbox.readsReady);
  return effects;
}

function tellRole<Self extends Decided<Message, State>, Message, State>(
  self: Self,
  view: View<Self, Message, State>,
  effects: Effect<Message, State>[],
): void {
  const { roleTold } = self.outbox;
  const role = view.role(self);
  const epoch = view.epoch(self);
  const leader = view.leader(self);
  if (roleTold.role === role && roleTold.epoch === epoch && roleTold.leader === leader) return;
  self.outbox.roleTold = { role, epoch, leader };
  effects.push({ kind: "roleChanged", role, epoch, leader });
}

/** What a crash brings back is never behind the store. */
function takeApply<Self extends Decided<Message, State>, Message, State>(
  self: Self,
  view: View<Self, Message, State>,
  effects: Effect<Message, State>[],
): void {
  const upTo = view.applicableIndex(self);
  if (self.installing !== undefined || upTo <= self.applySentIndex) return;
  effects.push({ kind: "apply", entries: self.log.slice(self.applySentIndex + 1, upTo) });
  self.applySentIndex = upTo;
}

/** Returns the list to go on with. No spread: a turn may have thousands. */
function moveTo<Item>(effects: Item[], list: Item[]): Item[] {
  if (list.length === 0) return list;
  for (const effect of list) effects.push(effect);
  return [];
}
