// Reads that a follower passed on to its leader, one request for all of a turn. A request, its answer or
// the leader may be lost: every token leaves this table once, and whoever takes it out answers it.

import type { Token } from "../contract.ts";

export interface ForwardedReads {
  readonly tokens: readonly Token[];
  ticksLeft: number;
}

interface Asker {
  readonly settings: { readonly electionTicks: number };
  readonly readsForwarded: Map<number, ForwardedReads>;
  nextReadRequest: number;
}

const none: readonly Token[] = [];

/** Returns the number of the request. */
export function noteForwarded(self: Asker, tokens: readonly Token[]): number {
  const request = ++self.nextReadRequest;
  self.readsForwarded.set(request, { tokens, ticksLeft: self.settings.electionTicks });
  return request;
}

/** The leader answered or refused. */
export function takeForwarded(self: Asker, request: number): readonly Token[] {
  const forwarded = self.readsForwarded.get(request);
  self.readsForwarded.delete(request);
  return forwarded?.tokens ?? none;
}

/** A tick passed: those that have waited too long. */
export function takeOverdue(self: Asker): readonly Token[] {
  if (self.readsForwarded.size === 0) return none;
  const overdue: Token[] = [];
  for (const [request, forwarded] of self.readsForwarded) {
    if (--forwarded.ticksLeft > 0) continue;
    self.readsForwarded.delete(request);
    overdue.push(...forwarded.tokens);
  }
  return overdue;
}

/** The leader that was asked leads no more. */
export function takeAllForwarded(self: Asker): readonly Token[] {
  const all = [...self.readsForwarded.values()].flatMap(({ tokens }) => tokens);
  self.readsForwarded.clear();
  return all;
}
