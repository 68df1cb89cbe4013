// A protocol with somebody who counts: what each core was asked, in which role and in the midst of what, and what came
// of it. The core's own table of inputs is wrapped, so nothing is asked of a core that it does not do by itself.

import type { Effect, Input, MemberId, Membership, Protocol } from "@althing/consensus";
import {
  defineProtocol,
  type Parts,
  paxosParts,
  raftParts,
  zabParts,
} from "../../../packages/consensus/src/parts.ts";
import { type Cell, nameOfCell } from "./cells.ts";

export type Times = Record<string, number>;

export interface Reached {
  readonly cells: Times;
  readonly effects: Times;
  readonly reasons: Times;
}

/** What the states of the three cores have in common. */
interface State {
  readonly settings: { readonly id: MemberId };
  readonly role: string;
  readonly installing: object | undefined;
  readonly transfer: object | undefined;
  readonly memberships: readonly { readonly membership: Membership }[];
  readonly leadership: object | undefined;
  readonly following?: object | undefined;
}
type AnyParts = Parts<never, unknown, unknown, object>;
type Handler = (self: State, input: Input<{ readonly kind: string }>) => void;

const all = { raft: raftParts, paxos: paxosParts, zab: zabParts } as unknown as Record<
  string,
  AnyParts
>;

export function observed(protocol: "raft" | "paxos" | "zab", reached: Reached): Protocol {
  const parts = all[protocol]!;
  const handlers = Object.entries(parts.inputs as unknown as Record<string, Handler>);
  const inputs = handlers.map(([kind, handler]): [string, Handler] => [
    kind,
    (self, input) => {
      count(reached.cells, cellOf(self, input));
      handler(self, input);
    },
  ]);
  const endTurn = (self: never) => {
    const effects = parts.endTurn(self);
    for (const effect of effects) note(reached, effect);
    return effects;
  };
  const witnessed = { ...parts, inputs: Object.fromEntries(inputs), endTurn };
  return defineProtocol(witnessed as unknown as Parameters<typeof defineProtocol>[0]) as Protocol;
}

function cellOf(self: State, input: Input<{ readonly kind: string }>): string {
  const asked = input.kind === "receive" ? input.message.kind : input.kind;
  return nameOfCell({ role: roleOf(self), asked, when: conditionsOf(self) });
}

function roleOf(self: State): string {
  const { role, leadership, following, installing } = self;
  if (installing !== undefined) return "installing";
  const isLearner = membershipOf(self).learners.includes(self.settings.id);
  if (role === "follower") return isLearner ? "learner" : role;
  if (role === "following") return `${isLearner ? "observing" : role} ${phaseOf(following)}`;
  return role === "leading" ? `${role} ${phaseOf(leadership)}` : role;
}

function conditionsOf(self: State): Cell["when"] {
  const isJoint = membershipOf(self).votersOutgoing.length > 0;
  if (self.transfer === undefined) return isJoint ? "joint" : "";
  return isJoint ? "joint transfer" : "transfer";
}

function membershipOf({ memberships }: State): Membership {
  return memberships[memberships.length - 1]!.membership;
}

function phaseOf(part: object | undefined): string {
  return (part as { readonly phase: string }).phase;
}

function note({ effects, reasons }: Reached, effect: Effect<unknown, unknown>): void {
  count(effects, effect.kind);
  if (effect.kind === "rejected") count(reasons, effect.reason);
}

function count(times: Times, name: string): void {
  times[name] = (times[name] ?? 0) + 1;
}
