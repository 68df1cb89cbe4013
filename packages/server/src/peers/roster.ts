// What one that is about to join asks of the members it was told: which cluster is this, and who belongs to
// it? It has no identity to say hello with yet; the answer gives it one. A member that was away while all
// whom it knew were replaced asks in the same way, at an address that its operator names.

import type { Knock } from "./answering.ts";
import { Calling } from "./calling.ts";
import { Channel } from "./channel.ts";
import { encodeFrame, FrameError, frameType } from "./frame.ts";
import {
  decodePreamble,
  decodeRefusal,
  encodePreamble,
  isId,
  isIndex,
  type PeerIdentity,
  peerProtocolVersion,
  preambleBytes,
  type Refusal,
} from "./handshake.ts";
import { parsePeerUrl } from "./peer-url.ts";
import type { DiskKey } from "./proof.ts";
import { bindingOf, dial, type PeerTls } from "./tls.ts";

export interface RosterMember {
  readonly id: string;
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** It has published a disk of its own. */
  readonly started: boolean;
  /** The key that it is held to; "" while it has published none. */
  readonly identity: string;
}

export interface Roster {
  readonly clusterId: string;
  readonly consensus: string;
  /** "4,2"; "": majorities; left out by earlier versions. */
  readonly paxosQuorums?: string;
  /** The index of the log up to which whoever tells it knows the members. */
  readonly asOf: number;
  readonly members: readonly RosterMember[];
}

export type Answer =
  | { readonly kind: "roster"; readonly roster: Roster }
  | { readonly kind: "refused"; readonly refusal: Refusal };
export type Answerer = (knock: Knock) => Answer;

const rosterBytesMax = 1024 * 1024;

export function encodeRosterAnswer(roster: Roster, joinProof: string): Uint8Array {
  return Buffer.from(JSON.stringify({ roster, joinProof }), "utf8");
}

export function decodeRosterAnswer(
  bytes: Uint8Array,
): { readonly roster: Roster; readonly joinProof: string } | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { roster, joinProof } = value as Record<string, unknown>;
    return isRoster(roster) && typeof joinProof === "string" ? { roster, joinProof } : undefined;
  } catch {
    return undefined;
  }
}

export interface AskOptions {
  readonly key: DiskKey;
  /** Where the one that asks is to be reached. */
  readonly urls: readonly string[];
  /** A member that was away names itself. */
  readonly self?: { readonly clusterId: string; readonly member: string };
  readonly joinSecret?: string | undefined;
  readonly tls?: PeerTls | undefined;
  readonly timeoutMs: number;
}

/** The message says what happened at which address. */
export class AskError extends Error {
  /** Why a member did not answer; undefined when nobody was reached. */
  readonly refusal: Refusal | undefined;
  constructor(message: string, refusal?: Refusal) {
    super(message);
    this.name = "AskError";
    this.refusal = refusal;
  }
}

/** Rejects with an AskError. */
export function askRoster(url: string, options: AskOptions): Promise<Roster> {
  const { key, urls, self, joinSecret, tls, timeoutMs } = options;
  const target = parsePeerUrl(url);
  if (target === undefined) return Promise.reject(new AskError(`${url} cannot be called`));
  const identity: PeerIdentity = {
    clusterId: self?.clusterId ?? "",
    member: self?.member ?? "",
    identity: key.identity,
    consensus: "",
  };
  return new Promise((resolve, reject) => {
    let binding = "";
    const calling = new Calling({
      identity,
      key,
      to: "",
      channel: "ask",
      joinSecret,
      binding: () => binding,
      held: () => undefined,
      admit: () => undefined,
      urls,
    });
    let preamble: Buffer | undefined = Buffer.alloc(0);
    const socket = dial(target, tls, (secured) => {
      binding = bindingOf(secured);
      socket.write(
        Buffer.concat([encodePreamble(), encodeFrame(frameType.hello, calling.hello())]),
      );
    });
    const channel = new Channel(socket, rosterBytesMax, (type, payload) => {
      if (type === frameType.challenge) {
        const { proof, refusal } = calling.challenged(payload);
        if (proof === undefined) fail(refusal?.reason ?? "it does not prove itself");
        else socket.write(encodeFrame(frameType.proof, proof));
      } else if (type === frameType.refusal) {
        const refusal = decodeRefusal(payload);
        fail(`refused: ${refusal.reason}`, calling.believes(refusal) ? refusal : undefined);
      } else settleWith(type === frameType.roster ? decodeRosterAnswer(payload) : undefined);
    });
    const settleWith = (answer: ReturnType<typeof decodeRosterAnswer>) => {
      const doubt = answer === undefined ? undefined : calling.answered(answer.joinProof);
      if (answer === undefined) fail("it gave no answer that can be read");
      else if (doubt !== undefined) fail(doubt.reason);
      else end(() => resolve(answer.roster));
    };
    const timer = setTimeout(() => fail("no answer in time"), timeoutMs);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      channel.destroy();
      settle();
    };
    const fail = (reason: string, refusal?: Refusal) =>
      end(() => reject(new AskError(`${url}: ${reason}`, refusal)));
    socket.on("error", (error) => fail(error.message));
    socket.on("close", () => fail("closed before an answer came"));
    socket.on("data", (chunk: Buffer) => {
      let bytes = chunk;
      if (preamble !== undefined) {
        preamble = Buffer.concat([preamble, chunk]);
        if (preamble.length < preambleBytes) return;
        const said = decodePreamble(preamble);
        if (said.kind === "junk") return fail("it does not speak the Althing peer protocol");
        if (said.version !== peerProtocolVersion) return fail(`it speaks version ${said.version}`);
        bytes = preamble.subarray(preambleBytes);
        preamble = undefined;
      }
      try {
        channel.reader.push(bytes);
      } catch (error) {
        fail(error instanceof FrameError ? error.message : String(error));
      }
    });
  });
}

function isRoster(value: unknown): value is Roster {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Partial<Record<keyof Roster, unknown>>;
  const { clusterId, consensus, paxosQuorums, asOf, members } = fields;
  return (
    (paxosQuorums === undefined || typeof paxosQuorums === "string") &&
    isId(clusterId) &&
    isIndex(asOf) &&
    typeof consensus === "string" &&
    Array.isArray(members) &&
    members.every(isRosterMember)
  );
}

function isRosterMember(value: unknown): value is RosterMember {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Partial<Record<keyof RosterMember, unknown>>;
  const { id, name, peerUrls, started, identity } = fields;
  return (
    isId(id) &&
    typeof name === "string" &&
    typeof started === "boolean" &&
    typeof identity === "string" &&
    Array.isArray(peerUrls) &&
    // One that cannot be called is a matter for whoever would call it.
    peerUrls.every((url) => typeof url === "string")
  );
}
