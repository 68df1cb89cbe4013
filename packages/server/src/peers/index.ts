export type { Refusal, RefusalCode } from "./handshake.ts";
export {
  defaultPeerLimits,
  type PeerAddress,
  type PeerCodec,
  type PeerLimits,
  type PeersOptions,
} from "./options.ts";
export { createPeers, type PeerStats, type PeerTransport } from "./peers.ts";
export { askRoster, type Roster, type RosterMember } from "./roster.ts";
export type { PeerTls } from "./tls.ts";
