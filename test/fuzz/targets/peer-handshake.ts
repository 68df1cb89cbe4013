// What a stranger says on the peer port before anything is known of it: preamble, frames and the texts in them. The
// checksums of what looks like frames are made right first, or chance would never get past them. The way in which a
// stream is cut into chunks changes nothing.

import { deepStrictEqual } from "node:assert/strict";
import {
  encodeFrame,
  FrameError,
  FrameReader,
  frameHeaderBytes,
  frameType,
  writeFrameHeader,
} from "../../../packages/server/src/peers/frame.ts";
import {
  decodeChallenge,
  decodeHello,
  decodePreamble,
  decodeProof,
  decodeRefusal,
  decodeWelcome,
  describeJunk,
  encodeMessage,
  encodePreamble,
  handshakeFrameBytesMax,
  isJunk,
  preambleBytes,
} from "../../../packages/server/src/peers/handshake.ts";
import { parsePeerUrls } from "../../../packages/server/src/peers/peer-url.ts";
import {
  decodeRosterAnswer,
  encodeRosterAnswer,
} from "../../../packages/server/src/peers/roster.ts";
import { accepted, PropertyBroken, type Target } from "../target.ts";

const id = "0123456789abcdef";
const key = "k".repeat(43);
const nonce = "n".repeat(32);
const introduction = {
  introducer: id,
  member: id,
  identity: key,
  urls: ["http://a:1"],
  asOf: 3,
  signature: "s",
};
const said = { clusterId: id, member: id, identity: key, consensus: "raft" };
const frames = [
  encodeFrame(frameType.hello, encodeMessage({ ...said, to: id, channel: "main", nonce })),
  encodeFrame(
    frameType.hello,
    encodeMessage({ ...said, clusterId: "", member: "", to: "", channel: "ask", nonce }),
  ),
  encodeFrame(frameType.challenge, encodeMessage({ ...said, nonce, signature: "s" })),
  encodeFrame(
    frameType.proof,
    encodeMessage({
      signature: "s",
      joinProof: "",
      formerProof: "",
      urls: ["http://a:1"],
      introductions: [introduction],
    }),
  ),
  encodeFrame(frameType.welcome, encodeMessage({ joinProof: "", formerProof: "", introduction })),
  encodeFrame(
    frameType.refusal,
    encodeMessage({ code: "unknownMember", reason: "gone", appliedIndex: 4 }),
  ),
  encodeFrame(
    frameType.roster,
    encodeRosterAnswer(
      {
        clusterId: id,
        consensus: "zab",
        asOf: 3,
        members: [{ id, name: "a", peerUrls: ["unix:///a"], started: true, identity: key }],
      },
      "p",
    ),
  ),
  encodeFrame(frameType.ping, new Uint8Array(0)),
];

export const target: Target = {
  name: "peer-handshake",
  seeds: () => [
    ...frames.map((frame) => Buffer.concat([encodePreamble(), frame])),
    Buffer.concat([encodePreamble(), ...frames]),
    encodePreamble(9),
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.from([0x16, 3, 1, 0, 0, 0, 0, 0, 0]),
  ],
  dictionary: [
    '"',
    "{}",
    "[]",
    "null",
    '{"introductions":[',
    '"urls":["http://[::1]:2380"]',
    '"__proto__":',
    "\\u0000",
  ],
  run(input) {
    const start = input.subarray(0, preambleBytes);
    if (isJunk(start)) describeJunk(start);
    if (input.length < preambleBytes) return;
    decodePreamble(start);
    const stream = withChecksums(input.subarray(preambleBytes));
    const whole = framesOf([stream]);
    const bytes = Array.from(stream, (_byte, at) => stream.subarray(at, at + 1));
    deepStrictEqual(framesOf(bytes), whole);
    for (const [type, payload] of whole.frames) read(type, Buffer.from(payload, "latin1"));
  },
};

interface Cut {
  readonly frames: readonly (readonly [number, string])[];
  readonly refused: string | undefined;
}

function framesOf(chunks: readonly Buffer[]): Cut {
  const found: [number, string][] = [];
  const reader = new FrameReader(handshakeFrameBytesMax, (type, payload) => {
    if (payload.length > handshakeFrameBytesMax)
      throw new PropertyBroken("a frame beyond the limit");
    found.push([type, payload.toString("latin1")]);
  });
  let refused: string | undefined;
  for (const chunk of chunks) {
    const done = accepted(
      () => {
        reader.push(chunk);
        return true;
      },
      (error) => {
        if (error instanceof FrameError) refused = error.code;
        return error instanceof FrameError;
      },
    );
    if (done === undefined) break;
  }
  return { frames: found, refused };
}

function read(type: number, payload: Buffer): void {
  switch (type) {
    case frameType.hello:
      again(decodeHello(payload), decodeHello);
      return;
    case frameType.challenge:
      again(decodeChallenge(payload), decodeChallenge);
      return;
    case frameType.proof: {
      const proof = decodeProof(payload);
      if (proof !== undefined)
        parsePeerUrls([...proof.urls, ...proof.introductions.flatMap(({ urls }) => urls)]);
      again(proof, decodeProof);
      return;
    }
    case frameType.welcome:
      again(decodeWelcome(payload), decodeWelcome);
      return;
    case frameType.refusal:
      again(decodeRefusal(payload), decodeRefusal);
      return;
    case frameType.roster: {
      const answer = decodeRosterAnswer(payload);
      if (answer !== undefined)
        parsePeerUrls(answer.roster.members.flatMap(({ peerUrls }) => peerUrls));
    }
  }
}

function again<Message extends Parameters<typeof encodeMessage>[0]>(
  message: Message | undefined,
  decode: (bytes: Uint8Array) => Message | undefined,
): void {
  if (message !== undefined) deepStrictEqual(decode(encodeMessage(message)), message);
}

function withChecksums(bytes: Buffer): Buffer {
  const stream = Buffer.from(bytes);
  for (let at = 0; at + frameHeaderBytes <= stream.length; ) {
    const end = at + frameHeaderBytes + stream.readUInt32LE(at);
    if (end > stream.length) break;
    // A type with the high bit keeps whatever checksum it has.
    const type = stream[at + 4]!;
    const payload = stream.subarray(at + frameHeaderBytes, end);
    if (type < 0x80)
      writeFrameHeader(stream, at, type as Parameters<typeof writeFrameHeader>[2], payload);
    at = end;
  }
  return stream;
}
