// One core by itself: the test plays everybody else, message by message, and says when the disk answers.

import type {
  Core,
  CoreOptions,
  Effect,
  Entry,
  Epoch,
  Index,
  Input,
  MemberId,
  Membership,
  Protocol,
  Restored,
} from "../contract.ts";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { membershipOf } from "../membership/membership.ts";
import { bytesOf } from "./cluster.ts";

export const voters = membershipOf(["a", "b", "c"]);

/** Member a of three voters. */
export class Alone<M extends { readonly kind: string }, S, C extends Core<M, S> = Core<M, S>> {
  readonly core: C;
  nowMs = 0;

  constructor(
    protocol: Pick<Protocol<M, S>, "name"> & {
      create(options: CoreOptions, restored: Restored<S>): C;
    },
    restored: Partial<Restored<S>> = {},
    options: Partial<CoreOptions> = {},
  ) {
    this.core = protocol.create(
      { id: "a", heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0.5, ...options },
      {
        state: undefined,
        base: { index: 0, epoch: 0, proposer: "", membership: voters },
        entries: [],
        applied: 0,
        ...restored,
      },
    );
  }

  step(...inputs: Input<M>[]): Effect<M, S>[] {
    for (const input of inputs) this.core.step(input, this.nowMs);
    return this.core.effects();
  }

  receive(from: MemberId, message: M): Effect<M, S>[] {
    return this.step({ kind: "receive", from, message });
  }

  /** All writes that these effects ask for reach the disk. */
  persist(effects: readonly Effect<M, S>[]): Effect<M, S>[] {
    return this.step({ kind: "persisted", sequence: Math.max(0, ...sequencesIn(effects)) });
  }
}

export function sequencesIn(effects: readonly Effect<unknown, unknown>[]): number[] {
  return effects.flatMap((one) => (one.kind === "persist" ? [one.sequence] : []));
}

/** Messages of one kind that leave, at once or after the disk. */
export function messagesIn<M extends { readonly kind: string }, Kind extends M["kind"]>(
  effects: readonly Effect<M, unknown>[],
  kind: Kind,
): Extract<M, { readonly kind: Kind }>[] {
  const all = effects.flatMap((effect) => {
    if (effect.kind === "send") return [effect.message];
    return effect.kind === "persist" ? effect.thenSend.map(({ message }) => message) : [];
  });
  return all.filter((one) => one.kind === kind) as Extract<M, { readonly kind: Kind }>[];
}

export function readsIn(effects: readonly Effect<unknown, unknown>[]) {
  return effects.filter((effect) => effect.kind === "readReady");
}

/** A command, or a membership. */
export function entry(
  index: Index,
  epoch: Epoch,
  more: { readonly proposer?: MemberId; readonly membership?: Membership } = {},
): Entry {
  const { proposer = "", membership } = more;
  if (membership === undefined) {
    return { index, epoch, proposer, kind: "command", payload: bytesOf(`${index}@${epoch}`) };
  }
  const payload = encodeMembershipEntry(membership, bytesOf(""));
  return { index, epoch, proposer, kind: "membership", payload };
}
