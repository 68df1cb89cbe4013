// What may happen next: moves, each by one member or on one connection. Members are places in the list.

export type Move =
  | { readonly kind: "deliver" | "drop"; readonly from: number; readonly to: number }
  | { readonly kind: "persist" | "install" | "crashInInstall" | "beat"; readonly at: number }
  | { readonly kind: "compact" | "propose" | "campaign"; readonly at: number }
  /** All that are not in the membership join it, by one change; a leader is asked for a read. */
  | { readonly kind: "grow" | "read"; readonly at: number }
  | { readonly kind: "crash"; readonly at: number; readonly written: number }
  | { readonly kind: "remove" | "transfer"; readonly at: number; readonly member: number }
  /** The oldest stream that a leader was asked for arrives as a whole, or breaks. */
  | { readonly kind: "stream"; readonly ok: boolean }
  /** A connection or a disk falls behind, or no longer does (`order.ts`). */
  | { readonly kind: "fallBehind" | "catchUp"; readonly lane: number };

type At = Extract<Move, { readonly at: number }>["kind"];

/** Moves are made once: there are few of them, and states by the hundred million. */
export class AllMoves {
  readonly deliver: readonly (readonly Move[])[];
  readonly drop: readonly (readonly Move[])[];
  readonly remove: readonly (readonly Move[])[];
  readonly transfer: readonly (readonly Move[])[];
  readonly persist: readonly Move[];
  readonly install: readonly Move[];
  readonly crashInInstall: readonly Move[];
  readonly beat: readonly Move[];
  readonly compact: readonly Move[];
  readonly propose: readonly Move[];
  readonly grow: readonly Move[];
  readonly read: readonly Move[];
  readonly campaign: readonly Move[];
  readonly fallBehind: readonly Move[];
  readonly catchUp: readonly Move[];
  readonly streamArrives: Move = { kind: "stream", ok: true };
  readonly streamBreaks: Move = { kind: "stream", ok: false };
  readonly #crashes: Move[][];

  constructor(places: readonly number[]) {
    const pairs = (make: (one: number, other: number) => Move) =>
      places.map((one) => places.map((other) => make(one, other)));
    const each = (kind: Exclude<At, "crash" | "remove" | "transfer">) =>
      places.map((at): Move => ({ kind, at }));
    const lanes = Array.from({ length: places.length ** 2 + 1 }, (_, lane) => lane);
    this.deliver = pairs((from, to) => ({ kind: "deliver", from, to }));
    this.drop = pairs((from, to) => ({ kind: "drop", from, to }));
    this.remove = pairs((at, member) => ({ kind: "remove", at, member }));
    this.transfer = pairs((at, member) => ({ kind: "transfer", at, member }));
    this.persist = each("persist");
    this.install = each("install");
    this.crashInInstall = each("crashInInstall");
    this.beat = each("beat");
    this.compact = each("compact");
    this.propose = each("propose");
    this.grow = each("grow");
    this.read = each("read");
    this.campaign = each("campaign");
    this.fallBehind = lanes.map((lane) => ({ kind: "fallBehind", lane }));
    this.catchUp = lanes.map((lane) => ({ kind: "catchUp", lane }));
    this.#crashes = places.map(() => []);
  }

  crash(at: number, written: number): Move {
    const known = this.#crashes[at]!;
    known[written] ??= { kind: "crash", at, written };
    return known[written];
  }
}

/** As a line of an interaction script. */
export function describeMove(
  move: Move,
  name: (place: number) => string,
  lane: (lane: number) => string,
): string {
  switch (move.kind) {
    case "deliver":
    case "drop":
      return `${move.kind} ${name(move.from)}->${name(move.to)} 1`;
    case "persist":
      return `persist ${name(move.at)} 1`;
    case "install":
    case "compact":
    case "read":
      return `${move.kind} ${name(move.at)}`;
    case "propose":
      return `propose ${name(move.at)} x`;
    case "beat":
      return `tick ${name(move.at)}`;
    case "crashInInstall":
      return `crash-in-install ${name(move.at)}`;
    case "campaign":
      return `campaign ${name(move.at)}`;
    case "crash":
      return `crash ${name(move.at)} after ${move.written} writes, restart ${name(move.at)}`;
    case "remove":
      return `change ${name(move.at)} remove ${name(move.member)}`;
    case "grow":
      return `change ${name(move.at)} add all others`;
    case "transfer":
      return `transfer ${name(move.at)} ${name(move.member)}`;
    case "stream":
      return move.ok ? "snapshot" : "snapshot fail";
    case "fallBehind":
      return `# ${lane(move.lane)} falls behind`;
    case "catchUp":
      return `# ${lane(move.lane)} catches up`;
  }
}
