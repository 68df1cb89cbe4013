// Members on loopback sockets for tests: a transport, what its member was told, and a wait that ends
// with the event it waits for.

import { EventEmitter, once } from "node:events";
import type { AddressInfo } from "node:net";
import type { MemberEvent, PeerEvents, PeerMessage } from "@althing/member";
import { makeDiskKey, openDiskKey } from "../../identity/disk-key.ts";
import {
  createPeers,
  type DiskKey,
  type PeerLimits,
  type PeersOptions,
  type PeerTransport,
  parseListenUrl,
  parsePeerUrl,
  type Refusal,
} from "../index.ts";

export interface Told {
  readonly kind: "receive" | "connected" | "disconnected" | "unreachable" | "refused" | "observed";
  readonly peer: string;
  readonly detail?: unknown;
}

export interface TestMember {
  readonly id: string;
  readonly transport: PeerTransport;
  readonly told: Told[];
  port: number;
  /** What it holds peers to; `held.delete` makes it forget that it has met one. */
  readonly held: Map<string, string>;
  refuse: (peer: string, incarnation: string, memberAsOf?: number) => string | undefined;
  onReceive: (from: string, message: PeerMessage) => void;
  start(): Promise<void>;
  /** Resolves with the first thing told, from now or `since` on, that fits. */
  until(fits: (told: Told) => boolean, since?: number): Promise<Told>;
}

export const ids = { a: "aaaaaaaaaaaaaaaa", b: "bbbbbbbbbbbbbbbb", c: "cccccccccccccccc" };

/** The key of the disk that a member of the tests has, unless it says otherwise. */
export function keyOf(id: string): DiskKey {
  const known = keys.get(id) ?? openDiskKey(makeDiskKey())!;
  keys.set(id, known);
  return known;
}
const keys = new Map<string, DiskKey>();

export const testClusterId = "00000000000000c1";

const jsonCodec = {
  encode: (message: PeerMessage) =>
    Buffer.from(
      JSON.stringify(message, (_key, value) =>
        value instanceof Uint8Array ? { bytes: Buffer.from(value).toString("base64") } : value,
      ),
    ),
  decode: (bytes: Uint8Array): PeerMessage =>
    JSON.parse(Buffer.from(bytes).toString(), (_key, value) =>
      typeof value?.bytes === "string" ? new Uint8Array(Buffer.from(value.bytes, "base64")) : value,
    ),
};

export interface TestMemberOptions extends Partial<Omit<PeersOptions<unknown>, "limits">> {
  readonly limits?: Partial<PeerLimits>;
  readonly clusterId?: string;
  readonly consensus?: string;
}

export function createTestMember(
  id: string,
  port: number,
  others: Record<string, number>,
  options: TestMemberOptions = {},
): TestMember {
  const emitter = new EventEmitter().setMaxListeners(0);
  const told: Told[] = [];
  const tell = (entry: Told) => {
    told.push(entry);
    emitter.emit("told", entry);
  };
  const scheme = options.tls === undefined ? "http" : "https";
  const { clusterId = testClusterId, consensus = "raft", ...rest } = options;
  const { key = keyOf(id) } = options;
  const held = new Map<string, string>();
  const transport = createPeers({
    identity: { clusterId, member: id, identity: key.identity, consensus },
    key,
    peers: Object.entries(others).map(([peer, at]) => ({
      id: peer,
      urls: [parsePeerUrl(`${scheme}://127.0.0.1:${at}`)!],
    })),
    listenUrls: [parseListenUrl(`${scheme}://127.0.0.1:${port}`)!],
    held: (peer) => held.get(peer),
    codec: jsonCodec,
    observe: (event: MemberEvent) =>
      tell({ kind: "observed", peer: String(event["peer"] ?? ""), detail: event }),
    random: Math.random,
    nowMs: () => performance.now(),
    onRefused: (peer: string, refusal: Refusal) => tell({ kind: "refused", peer, detail: refusal }),
    ...rest,
  });
  const member: TestMember = {
    id,
    transport,
    told,
    port,
    held,
    refuse: () => undefined,
    onReceive: () => {},
    async start() {
      const events: PeerEvents = {
        receive(from, message) {
          member.onReceive(from, message);
          tell({ kind: "receive", peer: from, detail: message });
        },
        connected: (peer) => tell({ kind: "connected", peer }),
        disconnected: (peer) => tell({ kind: "disconnected", peer }),
        unreachable: (peer) => tell({ kind: "unreachable", peer }),
        admit(peer, identity, memberAsOf) {
          const known = held.get(peer);
          const refusal =
            member.refuse(peer, identity, memberAsOf) ??
            (known === undefined || known === identity ? undefined : "it comes with another disk");
          if (refusal === undefined) held.set(peer, identity);
          return refusal;
        },
      };
      const addresses: readonly AddressInfo[] = await transport.start(events);
      member.port = addresses[0]?.port ?? port;
    },
    async until(fits, since = told.length) {
      let seen = since;
      for (;;) {
        for (; seen < told.length; seen++) if (fits(told[seen]!)) return told[seen]!;
        await once(emitter, "told", { signal: AbortSignal.timeout(8_000) });
      }
    },
  };
  return member;
}

export function connectedTo(peer: string): (told: Told) => boolean {
  return (told) => told.kind === "connected" && told.peer === peer;
}

export function disconnectedFrom(peer: string): (told: Told) => boolean {
  return (told) => told.kind === "disconnected" && told.peer === peer;
}

export function observed(kind: string): (told: Told) => boolean {
  return (told) => told.kind === "observed" && (told.detail as MemberEvent).kind === kind;
}
