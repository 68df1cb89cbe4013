// Who is speaking, and may they? A connection opens with a preamble and a hello; the other side
// checks it and answers with a welcome, which is checked in turn, or with a refusal that says why.

import type { MemberId } from "@althing/consensus";

/** Raised whenever a frame, the handshake or a peer message changes its meaning. */
export const peerProtocolVersion = 1;

export const preambleBytes = 8;
const magic = "ALTHPR";

export type ChannelName = "main" | "bulk";

/** What both sides state about themselves. */
export interface PeerIdentity {
  readonly clusterId: string;
  readonly member: MemberId;
  /** Identity of the data directory. */
  readonly incarnation: string;
  /** Name of the consensus protocol; its messages mean nothing to another one. */
  readonly consensus: string;
}

export interface Hello extends PeerIdentity {
  /** The member the caller means to reach. */
  readonly to: MemberId;
  readonly channel: ChannelName;
  /** Where the caller itself is reached, separated by commas; "" when it does not say. */
  readonly urls: string;
}

export type RefusalCode =
  /** Another version of the peer protocol. */
  | "version"
  | "cluster"
  /** The consensus protocols differ. */
  | "consensus"
  /** The caller reached somebody else than it meant. */
  | "wrongMember"
  /** The caller is not (or not yet, or no more) a member. */
  | "unknownMember"
  /** The member came back without the disk it voted with. */
  | "identity"
  | "malformed";

export interface Refusal {
  readonly code: RefusalCode;
  readonly reason: string;
}

export function encodePreamble(version: number = peerProtocolVersion): Buffer {
  const preamble = Buffer.allocUnsafe(preambleBytes);
  preamble.write(magic, "latin1");
  preamble.writeUInt16LE(version, magic.length);
  return preamble;
}

export type Preamble =
  | { readonly kind: "althing"; readonly version: number }
  | { readonly kind: "junk"; readonly looksLike: string };

export function decodePreamble(bytes: Buffer): Preamble {
  if (bytes.toString("latin1", 0, magic.length) === magic) {
    return { kind: "althing", version: bytes.readUInt16LE(magic.length) };
  }
  return { kind: "junk", looksLike: describeJunk(bytes) };
}

/** As soon as the first byte differs from the magic there is no point in waiting for more. */
export function isJunk(start: Buffer): boolean {
  const length = Math.min(start.length, magic.length);
  return start.toString("latin1", 0, length) !== magic.slice(0, length);
}

/** The usual mistakes, named, so that the one log line helps. */
export function describeJunk(start: Buffer): string {
  if (start[0] === 0x16 && start[1] === 0x03) return "TLS on a cleartext peer port";
  const text = start.toString("latin1", 0, 8);
  if (/^(GET|POST|PUT|HEAD|PRI|OPTI|DELE)/.test(text)) {
    return "HTTP: clients belong on the client port, this is the peer port";
  }
  return "bytes that are not the Althing peer protocol";
}

export function encodeHello(hello: Hello): Uint8Array {
  return encodeJson(hello);
}

export function decodeHello(bytes: Uint8Array): Hello | undefined {
  const fields = decodeJson(bytes, [...identityFields, "to", "channel", "urls"]);
  if (fields === undefined) return undefined;
  if (fields["channel"] !== "main" && fields["channel"] !== "bulk") return undefined;
  return fields as unknown as Hello;
}

export function encodeWelcome(identity: PeerIdentity): Uint8Array {
  return encodeJson({
    clusterId: identity.clusterId,
    member: identity.member,
    incarnation: identity.incarnation,
    consensus: identity.consensus,
  });
}

export function decodeWelcome(bytes: Uint8Array): PeerIdentity | undefined {
  return decodeJson(bytes, identityFields) as unknown as PeerIdentity | undefined;
}

export function encodeRefusal(refusal: Refusal): Uint8Array {
  return encodeJson(refusal);
}

export function decodeRefusal(bytes: Uint8Array): Refusal {
  const fields = decodeJson(bytes, ["code", "reason"]);
  return fields === undefined
    ? { code: "malformed", reason: "a refusal that cannot be read" }
    : (fields as unknown as Refusal);
}

/** What either side must agree on before who it is even matters. */
export function compareIdentities(own: PeerIdentity, other: PeerIdentity): Refusal | undefined {
  if (other.clusterId !== own.clusterId) {
    return {
      code: "cluster",
      reason: `member ${other.member} belongs to cluster ${other.clusterId}, this is cluster ${own.clusterId}; check --initial-cluster and --initial-cluster-token on both`,
    };
  }
  if (other.consensus !== own.consensus) {
    return {
      code: "consensus",
      reason: `member ${other.member} runs ${other.consensus}, member ${own.member} runs ${own.consensus}; all members need the same --protocol`,
    };
  }
  return undefined;
}

const identityFields = ["clusterId", "member", "incarnation", "consensus"] as const;

function encodeJson(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}

function decodeJson(
  bytes: Uint8Array,
  names: readonly string[],
): Record<string, string> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Record<string, string> = {};
  for (const name of names) {
    const field = (value as Record<string, unknown>)[name];
    if (typeof field !== "string" || field.length > 1024) return undefined;
    fields[name] = field;
  }
  return fields;
}
