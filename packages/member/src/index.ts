export * from "./contract.ts";
export { type MemberEventKind, memberEventKinds } from "./events.ts";
export { DurableMachine } from "./machines/durable-machine.ts";
export { encodeJson } from "./machines/json.ts";
export type { Answer, Machine, MachineContext } from "./machines/machine.ts";
export { createMember } from "./member.ts";
export { decodePeerMessage, encodePeerMessage, MalformedPeerMessage } from "./peer-codec.ts";
export type * from "./ports.ts";
export { type Recovery, RecoveryError, type RecoveryErrorCode, recover } from "./recovery.ts";
export type { MemberRecord, RosterChange } from "./roster/records.ts";
export type { KeptRoster } from "./roster/roster.ts";
export type {
  EntryContext,
  SnapshotReader,
  SnapshotWriter,
  StateMachine,
  StatePoint,
} from "./state-machine.ts";
export type { Steward, StewardHost } from "./steward.ts";
