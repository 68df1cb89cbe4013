// One member of a cluster under test, with what is on its disk and what is still on its way there.

import type { Core, CoreStatus, Effect, Entry, LogPoint, MemberId } from "../contract.ts";

export type Persist<M, S> = Extract<Effect<M, S>, { readonly kind: "persist" }>;

export interface Machine<M, S> {
  readonly id: MemberId;
  core: Core<M, S>;
  isUp: boolean;
  /** Durable: what a restart finds. */
  disk: { state: S | undefined; base: LogPoint; entries: Entry[] };
  /** The store, durable as it goes: where it is, and what it was told in which order. */
  store: LogPoint;
  readonly applied: Entry[];
  writes: Persist<M, S>[];
  installs: { readonly from: MemberId; readonly point: LogPoint }[];
  /** What the core said of itself after its last step. */
  inspection: object;
  status: CoreStatus;
}
