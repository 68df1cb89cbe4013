export type { Knock } from "./answering.ts";
export type { PeerIdentity, Refusal, RefusalCode } from "./handshake.ts";
export { readIntroduction } from "./handshake.ts";
export type { Introduction, IntroductionStore } from "./introduction.ts";
export {
  defaultPeerLimits,
  type PeerAddress,
  type PeerCodec,
  type PeerLimits,
  type PeersOptions,
  type VouchedPeer,
} from "./options.ts";
export { type PeerUrl, parseListenUrl, parsePeerUrl, parsePeerUrls } from "./peer-url.ts";
export { createPeers, type PeerStats, type PeerTransport } from "./peers.ts";
export { type DiskKey, isKeyIdentity } from "./proof.ts";
export {
  type Answer,
  AskError,
  askRoster,
  type Roster,
  type RosterMember,
} from "./roster.ts";
export { type CertificateUse, type PeerTls, usageFault, usagesAs } from "./tls.ts";
