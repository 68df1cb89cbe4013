// What one that is about to join asks of the members it was told: which cluster is this, and who
// belongs to it? It has no identity to say hello with yet; the answer gives it one.

import { Channel } from "./channel.ts";
import { encodeFrame, FrameError, frameType } from "./frame.ts";
import {
  decodePreamble,
  decodeRefusal,
  encodePreamble,
  peerProtocolVersion,
  preambleBytes,
} from "./handshake.ts";
import { dial, type PeerTls, parsePeerUrl } from "./tls.ts";

export interface RosterMember {
  readonly id: string;
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** It has published a disk of its own. */
  readonly started: boolean;
}

export interface Roster {
  readonly clusterId: string;
  readonly consensus: string;
  readonly members: readonly RosterMember[];
}

const rosterBytesMax = 1024 * 1024;

export function encodeRoster(roster: Roster): Uint8Array {
  return Buffer.from(JSON.stringify(roster), "utf8");
}

export function decodeRoster(bytes: Uint8Array): Roster | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return isRoster(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Rejects with an error whose message says what happened at which address. */
export function askRoster(
  url: string,
  options: { readonly tls?: PeerTls; readonly timeoutMs: number },
): Promise<Roster> {
  return new Promise((resolve, reject) => {
    let preamble: Buffer | undefined = Buffer.alloc(0);
    const socket = dial(parsePeerUrl(url), options.tls, () => {
      const ask = encodeFrame(frameType.ask, new Uint8Array(0));
      socket.write(Buffer.concat([encodePreamble(), ask]));
    });
    const channel = new Channel(socket, rosterBytesMax, (type, payload) => {
      const roster = type === frameType.roster ? decodeRoster(payload) : undefined;
      if (roster !== undefined) end(() => resolve(roster));
      else if (type === frameType.refusal) fail(`refused: ${decodeRefusal(payload).reason}`);
      else fail("it gave no answer that can be read");
    });
    const timer = setTimeout(() => fail("no answer in time"), options.timeoutMs);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      channel.destroy();
      settle();
    };
    const fail = (reason: string) => end(() => reject(new Error(`${url}: ${reason}`)));
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
        if (!(error instanceof FrameError)) throw error;
        fail(error.message);
      }
    });
  });
}

function isRoster(value: unknown): value is Roster {
  if (typeof value !== "object" || value === null) return false;
  const { clusterId, consensus, members } = value as Partial<Record<keyof Roster, unknown>>;
  return (
    typeof clusterId === "string" &&
    /^[0-9a-f]{16}$/.test(clusterId) &&
    typeof consensus === "string" &&
    Array.isArray(members) &&
    members.every(isRosterMember)
  );
}

function isRosterMember(value: unknown): value is RosterMember {
  if (typeof value !== "object" || value === null) return false;
  const { id, name, peerUrls, started } = value as Partial<Record<keyof RosterMember, unknown>>;
  return (
    typeof id === "string" &&
    /^[0-9a-f]{16}$/.test(id) &&
    typeof name === "string" &&
    typeof started === "boolean" &&
    Array.isArray(peerUrls) &&
    peerUrls.every((url) => typeof url === "string" && URL.canParse(url))
  );
}
