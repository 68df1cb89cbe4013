import assert from "node:assert/strict";
import { test } from "node:test";
import { authorizeCommand } from "../auth/authorized.ts";
import type { AuthChange, Command } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { openStore } from "../store.ts";
import {
  bytesOf,
  compare,
  compareValue,
  del,
  put,
  range,
  textOf,
  txn,
} from "../testing/commands.ts";
import { decodeCommand, plainPutKeyEnd, plainPutKeyStart } from "./decode.ts";
import { encodeCommand } from "./encode.ts";

const authChanges: AuthChange[] = [
  { kind: "enable" },
  { kind: "disable" },
  { kind: "authenticate", user: "u\xff", secret: "abcdefghijklmnop", authRevision: 300 },
  { kind: "addUser", user: "u", password: "$scrypt$", hasPassword: true },
  { kind: "addUser", user: "u", password: "", hasPassword: false },
  { kind: "changePassword", user: "u", password: "$scrypt$" },
  { kind: "deleteUser", user: "u" },
  { kind: "grantRole", user: "u", role: "r" },
  { kind: "revokeRole", user: "u", role: "r" },
  { kind: "addRole", role: "r" },
  { kind: "deleteRole", role: "r" },
  {
    kind: "grantPermission",
    role: "r",
    permission: { kind: "readWrite", key: "a\0", rangeEnd: "\0" },
  },
  { kind: "revokePermission", role: "r", key: "a", rangeEnd: "" },
];

const commands: Command[] = [
  put("k", "value"),
  put("\0\xff", "", { prevKv: true, ignoreValue: true, ignoreLease: true }),
  put("k".repeat(200), "v", { lease: -2n }),
  put("k".repeat(20_000), "v", { lease: 2n ** 63n - 1n }),
  del("a", "\0", true),
  txn(
    [
      compare("a", "mod", "less", -5, "\0"),
      compare("a", "version", "unknown", 2n ** 60n),
      compareValue("b", "notEqual", "x"),
      { key: "l", rangeEnd: "", target: "lease", result: "equal", value: 9n },
    ],
    [put("a"), range("b", "c", { limit: -1, revision: -7, sortOrder: "descend", keysOnly: true })],
    [txn([], [del("z")], [range("r", "", { maxCreateRevision: 2 ** 40 })])],
  ),
  { kind: "compact", revision: 12 },
  { kind: "leaseGrant", lease: -1n, ttlSeconds: 9_000_000_000 },
  { kind: "leaseRevoke", lease: 2n ** 62n },
  {
    kind: "leaseCheckpoint",
    leases: [
      { lease: 1n, remainingSeconds: 0 },
      { lease: -2n, remainingSeconds: 300 },
    ],
  },
  { kind: "alarm", action: "activate", member: "0123456789abcdef", alarm: "corrupt" },
  {
    kind: "publishMember",
    member: "m",
    name: "Þingvellir ☃",
    peerUrls: ["http://a", "http://b"],
    clientUrls: [],
    incarnation: "i",
  },
  {
    kind: "publishMember",
    member: "m",
    name: "",
    peerUrls: ["http://a"],
    clientUrls: [],
    incarnation: "",
    votesWhenReady: true,
  },
  { kind: "removeMember", member: "m" },
  ...authChanges.map((change) => ({ kind: "auth", change }) as const),
];

test("every command comes back as it was encoded", () => {
  for (const command of commands) assert.deepEqual(decodeCommand(encodeCommand(command)), command);
});

test("a compare with more than 64 bits hold keeps its sign", () => {
  const [given, kept] = [2 ** 63, 2n ** 63n - 1n].map((value) => {
    return txn([compare("a", "mod", "less", value)], []);
  });
  assert.deepEqual(decodeCommand(encodeCommand(given!)), kept);
});

test("a command cut anywhere is no other command, and bytes after it are refused", () => {
  for (const command of commands) {
    if (command.kind === "put") continue;
    const encoded = encodeCommand(command);
    for (let length = 0; length < encoded.length; length++) {
      assert.equal(decodeCommand(encoded.subarray(0, length)), undefined);
    }
    assert.equal(decodeCommand(new Uint8Array([...encoded, 0])), undefined);
  }
});

test("damaged bytes decode to something or nothing, and never throw", () => {
  for (const command of commands) {
    const encoded = encodeCommand(command);
    for (let at = 0; at < Math.min(encoded.length, 300); at++) {
      for (const bit of [0, 3, 7]) {
        const damaged = encoded.slice();
        damaged[at] = damaged[at]! ^ (1 << bit);
        const decoded = decodeCommand(damaged);
        assert.ok(decoded === undefined || typeof decoded.kind === "string");
      }
    }
  }
});

test("what is no command of any version moves the point, is answered, and changes nothing else", () => {
  const store = openStore({ engine: createMemoryEngine() });
  const before = store.stateHash().hash;
  const nothing = [new Uint8Array(0), bytesOf("\x01"), encodeCommand(put("k", "v")).subarray(0, 3)];
  for (const [i, bytes] of nothing.entries()) {
    const context = { index: i + 1, epoch: 1, proposer: "", leaderTimeMs: 0 };
    assert.deepEqual(store.apply(bytes, context), {
      kind: "error",
      revision: 1,
      code: "commandUnknown",
    });
  }
  assert.deepEqual(store.stateHash(), { index: 3, hash: before });
});

test("a command of a later version is not passed over: the store says that it cannot go on", () => {
  const store = openStore({ engine: createMemoryEngine() });
  const before = store.stateHash();
  const later = [
    bytesOf("\xfe"),
    // A flag, an alarm, an operation within a txn, a change of auth that are not known here.
    bytesOf("\x01\x40\x01k"),
    bytesOf("\x06\x01\x09\x01m"),
    bytesOf("\x03\x00\x01\x01\xee\x00"),
    bytesOf("\x15\xee"),
    authorizeCommand({ user: "u", authRevision: 1 }, bytesOf("\xfe")),
  ];
  for (const bytes of later) {
    assert.equal(decodeCommand(bytes), undefined);
    const context = { index: 1, epoch: 1, proposer: "", leaderTimeMs: 0 };
    assert.throws(() => store.apply(bytes, context), /of a later version: upgrade this member/);
    assert.deepEqual(store.stateHash(), before);
  }
});

test("the short way to a plain put finds one where the long way does, and nowhere else", () => {
  const commands = [
    put("k", "v"),
    put("k"),
    put("long".repeat(50), "v"),
    put("k", "", { lease: 1n }),
  ];
  const encodings = commands.map(encodeCommand);
  // A length in more bytes than it needs, one beyond the end, no key, nothing.
  for (const bytes of [
    "\x01\x00\x81\x00kv",
    "\x01\x00\x05kv",
    "\x01\x00\x00v",
    "\x01\x00\x81",
    "",
  ]) {
    encodings.push(bytesOf(bytes));
  }
  for (const bytes of encodings) {
    const keyEnd = plainPutKeyEnd(bytes);
    const decoded = decodeCommand(bytes);
    if (decoded?.kind !== "put" || decoded.lease !== 0n || decoded.key === "") {
      assert.equal(keyEnd, 0);
      continue;
    }
    assert.equal(textOf(bytes.subarray(plainPutKeyStart(bytes), keyEnd)), decoded.key);
    assert.deepEqual(bytes.subarray(keyEnd), decoded.value);
  }
});
