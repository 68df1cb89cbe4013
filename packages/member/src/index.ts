export {
  type Asking,
  type CallerOutcome,
  certainly,
  proposeFor,
  type SeenCaller,
} from "./caller-proposals.ts";
export * from "./contract.ts";
export { type MemberEventKind, memberEventKinds } from "./events.ts";
export { createMember } from "./member.ts";
export { decodePeerMessage, encodePeerMessage, MalformedPeerMessage } from "./peer-codec.ts";
export type * from "./ports.ts";
export { type Recovery, RecoveryError, type RecoveryErrorCode, recover } from "./recovery.ts";
export {
  type Claim,
  type Claimant,
  type Place,
  prefixOf,
  putOf,
  Succession,
  type SuccessionFault,
} from "./succession/succession.ts";
