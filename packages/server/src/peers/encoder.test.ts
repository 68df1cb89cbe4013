// Encoding once must not change what is sent.

import { deepEqual, equal, notEqual } from "node:assert/strict";
import { test } from "node:test";
import { raft } from "@althing/consensus";
import { encodePeerMessage, type PeerMessage } from "@althing/member";
import { createPeerEncoder } from "./encoder.ts";

test("one message for two followers is encoded once, another one is not taken for it", () => {
  const encode = createPeerEncoder(raft);
  const notice = (commitIndex: number) =>
    ({ kind: "protocol", message: { kind: "commitNotice", term: 1, commitIndex } }) as const;
  const first = notice(3);
  const again: PeerMessage = { kind: "protocol", message: first.message };
  const bytes = encode(first);
  equal(encode(again), bytes);
  const other = encode(notice(4));
  notEqual(other, bytes);
  const messages: PeerMessage[] = [first, notice(4), { kind: "stateHash", index: 64, hash: 7 }];
  for (const message of messages) deepEqual(encode(message), encodePeerMessage(raft, message));
});
