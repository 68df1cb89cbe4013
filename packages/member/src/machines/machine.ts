// What a program writes to be replicated: a few methods over a state in memory, with JSON values going in
// and out. Everything else (the log, durability, snapshots on the disk and on the wire) is made of these by
// `DurableMachine`.

/** The same on every member. There is no other time, and no chance, in a state machine. */
export interface MachineContext {
  /** The command's place in the log: it grows, and no two commands have the same. */
  readonly index: number;
  /** The wall clock of the leader that took the command, milliseconds; it never goes back. */
  readonly timeMs: number;
}

export interface Machine<Command = unknown, Result = unknown, State = unknown> {
  /**
   * Carries a command out, at once, in the same way on every member: what follows must follow from the state,
   * the command and the context alone. A throw is an answer too, given to whoever submitted the command:
   * change nothing before it, for what was changed stays.
   */
  apply(command: Command, context: MachineContext): Result;
  /** All of the state, as a JSON value. It is written down before anything else is applied. */
  snapshot(): State;
  /** Takes the place of the state. */
  restore(state: State): void;
}

/** What `apply` answered, or threw. */
export type Answer<Result> =
  | { readonly kind: "returned"; readonly value: Result }
  | { readonly kind: "threw"; readonly error: unknown };
