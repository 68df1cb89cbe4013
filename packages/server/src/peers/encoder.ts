// A leader sends the same append to every follower that stands where the others stand: the message is
// one object, and is encoded once.

import type { Protocol } from "@althing/consensus";
import { encodePeerMessage, type PeerMessage } from "@althing/member";

export function createPeerEncoder(protocol: Protocol): (message: PeerMessage) => Uint8Array {
  let lastMessage: unknown;
  let lastBytes = new Uint8Array(0) as Uint8Array;
  return (message) => {
    if (message.kind !== "protocol") return encodePeerMessage(protocol, message);
    if (message.message !== lastMessage) {
      lastBytes = encodePeerMessage(protocol, message);
      lastMessage = message.message;
    }
    return lastBytes;
  };
}
