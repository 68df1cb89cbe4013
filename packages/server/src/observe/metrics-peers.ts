// The connections to the other members, under etcd's names.

import type { PeerStats } from "../peers/index.ts";
import type { Family, Sample } from "./metrics-text.ts";

export function peerFamilies(self: string, read: () => readonly PeerStats[]): Family[] {
  const short = (id: string) => BigInt(`0x${id}`).toString(16);
  const local = short(self);
  const family = (
    type: "counter" | "gauge",
    name: string,
    help: string,
    sample: (peer: PeerStats) => Sample,
  ): Family => ({ type, name, help, samples: () => read().map(sample) });
  const pair = (peer: PeerStats) => ({ Local: local, Remote: short(peer.id) });
  return [
    family("counter", "etcd_network_peer_sent_bytes_total", "Bytes sent to peers.", (peer) => ({
      labels: { To: short(peer.id) },
      value: peer.sentBytes,
    })),
    family(
      "counter",
      "etcd_network_peer_received_bytes_total",
      "Bytes received from peers.",
      (peer) => ({ labels: { From: short(peer.id) }, value: peer.receivedBytes }),
    ),
    family(
      "counter",
      "etcd_network_peer_sent_failures_total",
      "Messages for peers that were dropped.",
      (peer) => ({ labels: { To: short(peer.id) }, value: peer.droppedMessages }),
    ),
    family("gauge", "etcd_network_active_peers", "1 while connected.", (peer) => ({
      labels: pair(peer),
      value: peer.connected ? 1 : 0,
    })),
    family(
      "counter",
      "etcd_network_disconnected_peers_total",
      "Connections to peers that were lost.",
      (peer) => ({ labels: pair(peer), value: peer.disconnects }),
    ),
    {
      type: "histogram",
      name: "etcd_network_peer_round_trip_time_seconds",
      help: "Round trips to peers.",
      samples: () => read().flatMap((peer) => peer.roundTrips.samples({ To: short(peer.id) })),
    },
    {
      type: "gauge",
      name: "althing_peer_round_trip_seconds",
      help: "The newest round trip to a peer.",
      samples: () =>
        read().flatMap((peer) =>
          peer.roundTripMs === undefined
            ? []
            : [{ labels: { To: short(peer.id) }, value: peer.roundTripMs / 1000 }],
        ),
    },
  ];
}
