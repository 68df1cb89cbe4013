// Is a history linearizable (Herlihy & Wing 1990)? The search of Wing & Gong with Lowe's memory of
// configurations, as in Porcupine, after splitting the history into groups of keys that no
// operation joins. It is bounded by steps, never by the clock, so that it says the same every time;
// beyond the bound the verdict is "undecided", which is never to be read as "fine".

import { type KeyNumber, type Operation, type State, step } from "./model.ts";

export type Verdict =
  | { readonly kind: "linearizable"; readonly steps: number }
  | { readonly kind: "violation"; readonly steps: number; readonly operations: Operation[] }
  | { readonly kind: "undecided"; readonly steps: number; readonly operations: Operation[] };

export function checkLinearizability(
  history: readonly Operation[],
  options: { readonly stepsMax: number },
): Verdict {
  let steps = 0;
  let undecided: Operation[] | undefined;
  for (const group of groupsOf(withoutUnseen(history))) {
    const verdict = searchGroup(group, options.stepsMax);
    steps += verdict.steps;
    if (verdict.kind === "violation") return { ...verdict, steps };
    if (verdict.kind === "undecided") undecided ??= group;
  }
  return undecided === undefined
    ? { kind: "linearizable", steps }
    : { kind: "undecided", steps, operations: undecided };
}

export function keysOf(operation: Operation): KeyNumber[] {
  const keys = new Set<KeyNumber>();
  for (const compare of operation.compares) keys.add(compare.key);
  for (const action of operation.success) keys.add(action.key);
  for (const action of operation.failure) keys.add(action.key);
  return [...keys].sort((left, right) => left - right);
}

/**
 * An unknown operation that only puts values nobody ever compared with or found is left out: in any
 * linearization its values are overwritten unseen, because whoever looked between would have named
 * them. Without this, each time-out would double the search. What may delete stays, since absence
 * has no name of its own; so does what writes a key of which an operation learned only "not that".
 */
function withoutUnseen(history: readonly Operation[]): Operation[] {
  const seen = new Set<number>();
  const opaque = new Set<KeyNumber>();
  for (const operation of history) {
    const { outcome, compares, failure } = operation;
    for (const compare of compares) seen.add(compare.equals);
    for (const value of outcome?.found ?? []) if (value !== undefined) seen.add(value);
    if (outcome === undefined) {
      // It may do nothing at all; but if a failed comparison makes it write, that is a sign.
      if (failure.some((action) => action.kind !== "get")) {
        for (const compare of compares) opaque.add(compare.key);
      }
      continue;
    }
    if (outcome.succeeded) continue;
    for (const { key } of compares) {
      const first = failure.findIndex((action) => action.key === key);
      if (outcome.found[first] === undefined) opaque.add(key);
    }
  }
  return history.filter((operation) => {
    if (operation.outcome !== undefined) return true;
    return [...operation.success, ...operation.failure].some((action) => {
      if (action.kind === "get") return false;
      return action.kind === "delete" || seen.has(action.value) || opaque.has(action.key);
    });
  });
}

/** Operations by connected keys, each group in order of call. */
function groupsOf(history: readonly Operation[]): Operation[][] {
  const parent = new Map<KeyNumber, KeyNumber>();
  const root = (key: KeyNumber): KeyNumber => {
    let at = key;
    for (;;) {
      const up = parent.get(at) ?? at;
      if (up === at) return at;
      at = up;
    }
  };
  for (const operation of history) {
    const [first, ...others] = keysOf(operation);
    if (first === undefined) continue;
    for (const key of others) parent.set(root(key), root(first));
  }
  const groups = new Map<KeyNumber, Operation[]>();
  for (const operation of history) {
    const [first] = keysOf(operation);
    if (first === undefined) continue;
    const key = root(first);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [operation]);
    else group.push(operation);
  }
  return [...groups.values()];
}

/** A call or a return in the doubly linked list of events that are not yet linearized. */
interface Event {
  readonly operation: number;
  readonly isCall: boolean;
  before: Event | undefined;
  after: Event | undefined;
  /** The return that belongs to a call; undefined if its outcome is unknown. */
  match: Event | undefined;
}

function searchGroup(group: readonly Operation[], stepsMax: number): Verdict {
  const keys = [...new Set(group.flatMap(keysOf))].sort((left, right) => left - right);
  const places = new Map(keys.map((key, position) => [key, position]));
  const place = (key: KeyNumber): number => places.get(key) as number;
  const head = eventList(group);
  const memory = new Memory(group.length);
  const linearized = new Uint32Array(Math.ceil(group.length / 32));
  const stack: { readonly event: Event; readonly state: State }[] = [];
  let state: State = keys.map(() => 0);
  let toReturn = group.filter((operation) => operation.outcome !== undefined).length;
  let steps = 0;
  let deepest = 0;
  let event = head.after;

  while (toReturn > 0) {
    if (++steps > stepsMax) return { kind: "undecided", steps, operations: [...group] };
    if (event?.isCall) {
      const operation = group[event.operation] as Operation;
      const next = step(state, operation, place);
      if (next !== undefined && memory.add(linearized, event.operation, next)) {
        stack.push({ event, state });
        state = next;
        linearized[event.operation >>> 5] =
          (linearized[event.operation >>> 5] as number) | (1 << (event.operation & 31));
        if (event.match !== undefined) toReturn--;
        lift(event);
        if (stack.length > deepest) deepest = stack.length;
        event = head.after;
      } else {
        event = event.after;
      }
      continue;
    }
    // A return of what is not yet linearized: something before it was chosen wrongly.
    const last = stack.pop();
    if (last === undefined) {
      return { kind: "violation", steps, operations: blamed(group, deepest) };
    }
    state = last.state;
    const at = last.event.operation;
    linearized[at >>> 5] = (linearized[at >>> 5] as number) & ~(1 << (at & 31));
    if (last.event.match !== undefined) toReturn++;
    unlift(last.event);
    event = last.event.after;
  }
  return { kind: "linearizable", steps };
}

/** The operations around the place where the search got stuck, for people. */
function blamed(group: readonly Operation[], deepest: number): Operation[] {
  return group.slice(Math.max(0, deepest - 8), deepest + 8);
}

function eventList(group: readonly Operation[]): Event {
  const events: { at: number; event: Event }[] = [];
  for (const [position, operation] of group.entries()) {
    const call: Event = {
      operation: position,
      isCall: true,
      before: undefined,
      after: undefined,
      match: undefined,
    };
    events.push({ at: operation.called, event: call });
    if (operation.outcome === undefined) continue;
    const returned: Event = { ...call, isCall: false };
    call.match = returned;
    events.push({ at: operation.returned, event: returned });
  }
  // At one position a call comes first: it is the weaker claim.
  events.sort((l, r) => l.at - r.at || Number(r.event.isCall) - Number(l.event.isCall));
  const head: Event = {
    operation: -1,
    isCall: false,
    before: undefined,
    after: undefined,
    match: undefined,
  };
  let tail = head;
  for (const { event } of events) {
    tail.after = event;
    event.before = tail;
    tail = event;
  }
  return head;
}

function lift(call: Event): void {
  unlink(call);
  if (call.match !== undefined) unlink(call.match);
}

/** Undoes `lift`; calls must come in the reverse order of theirs. */
function unlift(call: Event): void {
  if (call.match !== undefined) relink(call.match);
  relink(call);
}

function unlink(event: Event): void {
  if (event.before !== undefined) event.before.after = event.after;
  if (event.after !== undefined) event.after.before = event.before;
}

function relink(event: Event): void {
  if (event.before !== undefined) event.before.after = event;
  if (event.after !== undefined) event.after.before = event;
}

/** Configurations (what is linearized, state reached) that were tried before. Exact, not hashed. */
class Memory {
  readonly #words: number;
  readonly #seen = new Map<number, { readonly bits: Uint32Array; readonly state: State }[]>();

  constructor(operations: number) {
    this.#words = Math.ceil(operations / 32);
  }

  /** False when the configuration is known already. */
  add(linearized: Uint32Array, operation: number, state: State): boolean {
    const bits = linearized.slice();
    bits[operation >>> 5] = (bits[operation >>> 5] as number) | (1 << (operation & 31));
    let hash = 17;
    for (let i = 0; i < this.#words; i++) hash = Math.imul(hash ^ (bits[i] as number), 0x01000193);
    for (const value of state) hash = Math.imul(hash ^ value, 0x85ebca6b);
    const known = this.#seen.get(hash);
    if (known === undefined) {
      this.#seen.set(hash, [{ bits, state }]);
      return true;
    }
    for (const entry of known) {
      if (equal(entry.bits, bits) && equal(entry.state, state)) return false;
    }
    known.push({ bits, state });
    return true;
  }
}

function equal(left: ArrayLike<number>, right: ArrayLike<number>): boolean {
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}
