// What a front door is to the process around it: what it serves on the client port, what it listens on by itself,
// what it counts, how it closes. A door is codec, mapping and an error table over one member; who opens it knows
// nothing of its protocol.

import type { Family } from "../observe/metrics-text.ts";
import type { GrpcService, HttpRoute, TransportCounters } from "../transport/index.ts";
import type { DoorContext } from "./context.ts";

export interface Door {
  readonly name: string;
  /** On the client port, beside those of the other doors. */
  readonly services: readonly GrpcService[];
  readonly routes: readonly HttpRoute[];
  /** Its part of /metrics. */
  readonly families: readonly Family[];
  /** Opens its own ports, for a protocol of its own; resolves to their addresses. */
  listen?(): Promise<readonly string[]>;
  /** Takes nobody new, lets what is under way finish for so long, and cuts what is left. */
  close?(graceMs: number): Promise<void>;
}

/** `transport` counts calls whichever way they come: a door adds its methods to it. */
export type OpenDoor = (context: DoorContext, transport: TransportCounters) => Door;
