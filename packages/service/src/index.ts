export {
  type Asking,
  type CallerOutcome,
  certainly,
  proposeFor,
  type SeenCaller,
} from "./callers/caller-proposals.ts";
export { type ServiceEventKind, serviceEventKinds } from "./events.ts";
export { decodeLeaseMessage, type LeaseMessage } from "./leases/lease-messages.ts";
export {
  type Claim,
  type Claimant,
  type Place,
  prefixOf,
  putOf,
  Succession,
  type SuccessionFault,
} from "./locks/succession.ts";
export {
  createService,
  type LeaseCounts,
  type Leases,
  type ServedStore,
  type Service,
  type ServiceOptions,
} from "./service.ts";
export type { EventsInParts, WatchRefusal, WatchWish } from "./watches/watch-client.ts";
export { WatchSession } from "./watches/watch-session.ts";
export { type StreamClient, WatchStreams } from "./watches/watch-streams.ts";
