// What a log entry holds: the envelope and the command in it. What is no command has no effect at all; any other
// leaves a state that a snapshot carries over whole. Nothing throws but a command of a later version, and that
// has no effect either.

import { deepStrictEqual } from "node:assert/strict";
import { createMemoryEngine, decodeCommand, encodeCommand, openStore } from "@althing/store";
import {
  commandOf,
  ENVELOPE_HEADER_BYTES,
  isEnvelope,
  leaderTimeOf,
  requestOf,
  sessionOf,
} from "../../../packages/member/src/envelope.ts";
import { isAuthorized, openAuthorized } from "../../../packages/store/src/auth/authorized.ts";
import { plainPutKeyEnd } from "../../../packages/store/src/command/decode.ts";
import {
  createRandom,
  randomCommand,
} from "../../../packages/store/src/testing/random-commands.ts";
import { accepted, PropertyBroken, plain, type Target } from "../target.ts";

const header = Buffer.alloc(ENVELOPE_HEADER_BYTES, 1);

export const target: Target = {
  name: "commands",
  seeds: () => {
    const random = createRandom(1);
    const commands = Array.from({ length: 60 }, () => randomCommand(random, 3));
    const others = [
      { kind: "alarm", action: "activate", member: "a", alarm: "nospace" },
      { kind: "removeMember", member: "a" },
      {
        kind: "publishMember",
        member: "a",
        name: "n",
        peerUrls: ["http://a:1"],
        clientUrls: [],
        incarnation: "i",
      },
      { kind: "auth", change: { kind: "addRole", role: "r" } },
      { kind: "compact", revision: 2 },
    ] as const;
    const bytes = [
      ...commands.map(encodeCommand),
      ...others.map((each) => encodeCommand(each as Parameters<typeof encodeCommand>[0])),
    ];
    return [...bytes.map((each) => Buffer.concat([header, each])), Buffer.alloc(3)];
  },
  run(input) {
    if (!isEnvelope(input)) return;
    sessionOf(input);
    for (const number of [requestOf(input), leaderTimeOf(input)]) {
      if (!Number.isSafeInteger(number) || number < 0)
        throw new PropertyBroken(`${number} in an envelope`);
    }
    const bytes = plain(commandOf(input));
    plainPutKeyEnd(bytes);
    // For whom a command is stands around it, and is opened by itself.
    const inner = isAuthorized(bytes) ? openAuthorized(bytes)?.command : bytes;
    const command = inner && decodeCommand(inner);
    if (command !== undefined) deepStrictEqual(decodeCommand(encodeCommand(command)), command);
    const store = openStore({ engine: createMemoryEngine() });
    const before = store.stateHash();
    for (let index = 1; index <= 2; index++) {
      const leaderTimeMs = leaderTimeOf(input);
      const result = accepted(
        () => store.apply(bytes, { index, epoch: 1, proposer: "", leaderTimeMs }),
        (error) => /of a later version/.test(String(error)),
      );
      if (result === undefined) {
        if (command !== undefined)
          throw new PropertyBroken("a command was read and not carried out");
        deepStrictEqual(store.stateHash(), before);
        return;
      }
      if (command === undefined && result.kind !== "error")
        throw new PropertyBroken("an unreadable command was carried out");
    }
    const after = store.stateHash();
    if (command === undefined) deepStrictEqual(after, { ...before, index: 2 });
    const copy = openStore({ engine: createMemoryEngine() });
    const writer = copy.beginRestore();
    const reader = store.openSnapshot();
    for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) writer.write(chunk);
    reader.close();
    writer.finish();
    writer.install((error) => {
      if (error !== undefined) throw error;
    });
    deepStrictEqual(copy.stateHash(), after);
  },
};
