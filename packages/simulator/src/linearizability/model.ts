// The register model that histories are held to: keys with whole-number values (0: absent) and
// operations that compare, then read and write several of them at once. Every client operation of
// the workload is one of these, so that single keys and transactions are judged together.

export type KeyNumber = number;
/** 0 stands for an absent key; workloads write each other value once only. */
export type Value = number;

export type Action =
  | { readonly kind: "get"; readonly key: KeyNumber }
  | { readonly kind: "put"; readonly key: KeyNumber; readonly value: Value }
  | { readonly kind: "delete"; readonly key: KeyNumber };

export interface Compare {
  readonly key: KeyNumber;
  readonly equals: Value;
}

export interface Operation {
  readonly client: number;
  /** Positions in one sequence of events: what ended before another began comes before it. */
  readonly called: number;
  /** Infinity while the outcome is unknown: it may take effect at any time, or never. */
  readonly returned: number;
  readonly compares: readonly Compare[];
  readonly success: readonly Action[];
  readonly failure: readonly Action[];
  /** Undefined while the outcome is unknown. */
  readonly outcome: Outcome | undefined;
}

export interface Outcome {
  readonly succeeded: boolean;
  /** What each action of the taken branch found at its key; undefined where it does not say. */
  readonly found: readonly (Value | undefined)[];
}

/** Values by position in the sorted keys of a component. */
export type State = readonly Value[];

/** The state after the operation, or undefined if it cannot have happened here. */
export function step(
  state: State,
  operation: Operation,
  place: (key: KeyNumber) => number,
): State | undefined {
  let succeeded = true;
  for (const compare of operation.compares) {
    if (state[place(compare.key)] !== compare.equals) succeeded = false;
  }
  const { outcome } = operation;
  if (outcome !== undefined && outcome.succeeded !== succeeded) return undefined;
  const actions = succeeded ? operation.success : operation.failure;
  let next: Value[] | undefined;
  for (const [position, action] of actions.entries()) {
    const at = place(action.key);
    const found = (next ?? state)[at] as Value;
    const told = outcome?.found[position];
    if (told !== undefined && told !== found) return undefined;
    if (action.kind === "get") continue;
    next ??= [...state];
    next[at] = action.kind === "put" ? action.value : 0;
  }
  return next ?? state;
}

export function describeOperation(operation: Operation): string {
  const action = (item: Action): string =>
    item.kind === "put" ? `put k${item.key}=${item.value}` : `${item.kind} k${item.key}`;
  const compares = operation.compares.map((item) => `k${item.key}==${item.equals}`).join(" & ");
  const when = compares === "" ? "" : `if ${compares} `;
  const otherwise =
    operation.failure.length === 0 ? "" : ` else ${operation.failure.map(action).join(", ")}`;
  const { outcome } = operation;
  const result =
    outcome === undefined
      ? "unknown"
      : `${outcome.succeeded ? "yes" : "no"} found [${outcome.found.map((v) => v ?? "?").join(", ")}]`;
  const body = operation.success.map(action).join(", ");
  return `client ${operation.client} [${operation.called}, ${operation.returned}] ${when}${body}${otherwise} -> ${result}`;
}
