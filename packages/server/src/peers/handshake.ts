// What is said before two members talk: a hello, the callee's challenge, the caller's proof, and a welcome, or
// a refusal that says why. Everything from the wire is checked for its form here: ids are hexadecimal, nonces
// and keys have their length, texts have bounds and no control characters.

import type { MemberId } from "@althing/consensus";
import type { Introduction } from "./introduction.ts";

/** Raised whenever a frame, the handshake or a peer message changes its meaning. */
export const peerProtocolVersion = 2;

export const preambleBytes = 8;
const magic = "ALTHPR";

/** One frame of a handshake. */
export const handshakeFrameBytesMax = 16 * 1024;

/** `ask`: no talk follows; the caller wants to know who the members are. */
export type ChannelName = "main" | "bulk" | "ask";

/** What both sides state about themselves. One that asks may know neither its cluster nor its own id. */
export interface PeerIdentity {
  readonly clusterId: string;
  readonly member: MemberId;
  /** Identity of the data directory: its public key. */
  readonly identity: string;
  /** Name of the consensus protocol; its messages mean nothing to another one. */
  readonly consensus: string;
}

export interface Hello extends PeerIdentity {
  /** The member that the caller means to reach; "" for anyone that can be asked. */
  readonly to: MemberId;
  readonly channel: ChannelName;
  readonly nonce: string;
}

export interface Challenge extends PeerIdentity {
  readonly nonce: string;
  readonly signature: string;
}

export interface Proof {
  readonly signature: string;
  /** Of the join secret and of the former identity; "" without. */
  readonly joinProof: string;
  readonly formerProof: string;
  /** Where one that asks is to be reached. */
  readonly urls: readonly string[];
  readonly introductions: readonly Introduction[];
}

export interface Welcome {
  readonly joinProof: string;
  readonly formerProof: string;
  /** By the callee, for the caller. */
  readonly introduction: Introduction | undefined;
}

const refusalCodes = [
  /** Another version of the peer protocol. */
  "version",
  "cluster",
  /** The consensus protocols differ. */
  "consensus",
  /** The caller reached somebody else than it meant. */
  "wrongMember",
  /** The caller is not (or not yet, or no more) a member. */
  "unknownMember",
  /** The member came back without the disk it voted with. */
  "identity",
  /** Its key is not known yet: it is called where it is said to be, and met there. */
  "unmet",
  /** The signature does not fit this connection. */
  "unproved",
  /** The join secret is not shown. */
  "joinSecret",
  /** What the certificate says does not do. */
  "certificate",
  /** Of one that asks: nobody was added at its addresses. */
  "notAdded",
  /** Of one that asks: the member there has started with another disk. */
  "startedBefore",
  "malformed",
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

export interface Refusal {
  readonly code: RefusalCode;
  readonly reason: string;
  /** Of `unknownMember`: at this index of the log the one refused is no member. */
  readonly appliedIndex?: number;
  /** By one that has challenged: what shows who it is to a caller that does not hold it to a key yet. */
  readonly joinProof?: string;
  readonly formerProof?: string;
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

export function encodeMessage(message: Hello | Challenge | Proof | Welcome | Refusal): Uint8Array {
  return Buffer.from(JSON.stringify(message), "utf8");
}

export function decodeHello(bytes: Uint8Array): Hello | undefined {
  const fields = fieldsOf(bytes);
  const { channel, nonce } = fields;
  if (!isOneOf(channel, ["main", "bulk", "ask"]) || !isNonce(nonce)) return undefined;
  const asks = channel === "ask";
  const to = fields["to"];
  if (!isId(to) && !(asks && to === "")) return undefined;
  const said = identityOf(fields, asks);
  return said === undefined ? undefined : { ...said, to, channel, nonce };
}

export function decodeChallenge(bytes: Uint8Array): Challenge | undefined {
  const fields = fieldsOf(bytes);
  const { nonce, signature } = fields;
  const said = identityOf(fields, false);
  if (said === undefined || !isNonce(nonce) || !isProof(signature)) return undefined;
  return { ...said, nonce, signature };
}

export function decodeProof(bytes: Uint8Array): Proof | undefined {
  const { signature, joinProof, formerProof, urls, introductions } = fieldsOf(bytes);
  if (!isProof(signature) || !isProof(joinProof) || !isProof(formerProof)) return undefined;
  if (!isUrlList(urls) || !Array.isArray(introductions)) return undefined;
  if (introductions.length > listMax) return undefined;
  const read = introductions.map(readIntroduction);
  if (!read.every((one) => one !== undefined)) return undefined;
  return { signature, joinProof, formerProof, urls, introductions: read };
}

export function decodeWelcome(bytes: Uint8Array): Welcome | undefined {
  const { joinProof, formerProof, introduction } = fieldsOf(bytes);
  if (!isProof(joinProof) || !isProof(formerProof)) return undefined;
  return { joinProof, formerProof, introduction: readIntroduction(introduction) };
}

export function decodeRefusal(bytes: Uint8Array): Refusal {
  const { code, reason, appliedIndex, joinProof, formerProof } = fieldsOf(bytes);
  if (!isOneOf(code, refusalCodes) || typeof reason !== "string") {
    return { code: "malformed", reason: "a refusal that cannot be read" };
  }
  return {
    code,
    reason: printable(reason),
    ...(Number.isSafeInteger(appliedIndex) ? { appliedIndex: appliedIndex as number } : {}),
    ...(isProof(joinProof) && joinProof !== "" ? { joinProof } : {}),
    ...(isProof(formerProof) && formerProof !== "" ? { formerProof } : {}),
  };
}

export function readIntroduction(value: unknown): Introduction | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { introducer, member, identity, urls, asOf, signature } = value as Record<string, unknown>;
  if (!isId(introducer) || !isId(member) || !isIdentity(identity)) return undefined;
  if (!isUrlList(urls) || !isProof(signature) || !isIndex(asOf)) return undefined;
  return { introducer, member, identity, urls, asOf, signature };
}

/** What both sides must agree on before who it is even matters. */
export function compareIdentities(own: PeerIdentity, other: PeerIdentity): Refusal | undefined {
  if (other.clusterId !== own.clusterId) {
    return {
      code: "cluster",
      reason: `member ${other.member} belongs to cluster ${other.clusterId}, this is cluster ${own.clusterId}; check --initial-cluster, --initial-cluster-token and --paxos-quorums on both`,
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

export function unproved(member: MemberId): Refusal {
  const reason = `what claims to be member ${member} does not prove it on this connection: is something between the members that opens their connections?`;
  return { code: "unproved", reason };
}

export function noSecret(member: MemberId): Refusal {
  const reason = `member ${member} does not show this cluster's join secret; give all members the same --peer-join-secret-file`;
  return { code: "joinSecret", reason };
}

const reasonCharactersMax = 500;
const listMax = 16;

/** What another process says, fit for a log: no line breaks and no other control characters. */
function printable(text: string): string {
  return text.slice(0, reasonCharactersMax).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?");
}

export function isId(value: unknown): value is MemberId {
  return typeof value === "string" && /^[0-9a-f]{16}$/.test(value);
}

function identityOf(fields: Fields, mayBeUnknown: boolean): PeerIdentity | undefined {
  const { clusterId, member, identity, consensus } = fields;
  const known = isId(clusterId) && isId(member);
  const unknown = mayBeUnknown && clusterId === "" && member === "";
  if (!known && !unknown) return undefined;
  if (typeof consensus !== "string" || !/^[a-z]{0,32}$/.test(consensus)) return undefined;
  if (!isIdentity(identity)) return undefined;
  return { clusterId: String(clusterId), member: String(member), identity, consensus };
}

function isIdentity(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9_-]{43}$/.test(value);
}

function isNonce(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9_-]{32,64}$/.test(value);
}

function isProof(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9_-]{0,128}$/.test(value);
}

export function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isUrlList(value: unknown): value is readonly string[] {
  const isUrl = (url: unknown) => typeof url === "string" && url.length <= 512;
  return Array.isArray(value) && value.length <= listMax && value.every(isUrl);
}

function isOneOf<T extends string>(value: unknown, all: readonly T[]): value is T {
  return all.includes(value as T);
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(bytes: Uint8Array): Fields {
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Fields) : {};
  } catch {
    return {};
  }
}
