import assert from "node:assert/strict";
import { after, test } from "node:test";
import { encodeCommand } from "@althing/store";
import type {
  BidiMethod,
  CallContext,
  GrpcMethod,
  StreamCall,
  UnaryMethod,
} from "../../../transport/index.ts";
import { createSingleMember, createTestContext } from "../testing/single-member.ts";
import { Access } from "./access.ts";
import { awaitingTokens } from "./arrival.ts";
import { createSimpleTokens } from "./simple-tokens.ts";

const member = createSingleMember();
const context = createTestContext(member);
const access = new Access(context, createSimpleTokens(60_000));
after(() => new Promise<void>((resolve) => member.stop(resolve)));
const apply = (command: Parameters<typeof encodeCommand>[0]) =>
  new Promise<void>((resolve) => member.propose(encodeCommand(command), () => resolve()));
for (const change of [
  { kind: "addUser", user: "root", password: "", hasPassword: false },
  { kind: "grantRole", user: "root", role: "root" },
  { kind: "enable" },
] as const) {
  await apply({ kind: "auth", change });
}

class Call {
  cancelled = false;
  failure = "";
  readonly token: string;
  private readonly listeners: (() => void)[] = [];
  readonly caller = { address: "", encrypted: false, commonName: "" };

  constructor(token: string) {
    this.token = token;
  }

  metadata(name: string): string | undefined {
    return name === "token" ? this.token : undefined;
  }

  onCancel(listener: () => void): void {
    this.listeners.push(listener);
  }

  cancel(): void {
    this.cancelled = true;
    for (const listener of this.listeners) listener();
  }

  charge(): boolean {
    return true;
  }

  release(): void {}

  fail(_status: number, message: string): void {
    this.failure ||= message;
  }
}

const handled: unknown[] = [];
const shared = { service: "s", decode: (bytes: Uint8Array) => bytes, encode: () => {} };
const [unary, bidi] = awaitingTokens(
  [
    { ...shared, kind: "unary", method: "u", handle: (request: unknown) => handled.push(request) },
    {
      ...shared,
      kind: "bidi",
      method: "b",
      open: () => ({
        message: (request: unknown) => handled.push(request),
        halfClosed: () => handled.push("end"),
      }),
    },
  ] as unknown as GrpcMethod[],
  access,
  context,
) as [UnaryMethod<unknown, unknown>, BidiMethod<unknown, unknown>];
const handle = (request: unknown, call: Call) => unary.handle(request, call as never);
const open = (call: Call) => bidi.open(call as CallContext as StreamCall<unknown>);
/** Of an entry that never comes. */
const madeUp = "abcdefghijklmnop.9007199254740991";
const piece = new Uint8Array(1024 * 1024);

test("made-up tokens hold a bounded number of calls, and the rest is judged at once", () => {
  const calls = Array.from({ length: 1500 }, () => new Call(madeUp));
  for (const call of calls) handle({}, call);
  assert.equal(handled.length, 500);
  for (const call of calls) call.cancel();
  handled.length = 0;
});

test("they hold a bounded number of bytes, which those who leave give back", () => {
  for (let round = 0; round < 3; round++) {
    const calls = Array.from({ length: 50 }, () => new Call(madeUp));
    for (const call of calls) handle({ value: piece }, call);
    assert.equal(handled.length, 50 - 31);
    for (const call of calls) call.cancel();
    handled.length = 0;
  }
});

test("a stream that sends too much meanwhile is told so, and nothing is dropped in silence", async () => {
  const call = new Call(madeUp);
  const stream = open(call);
  for (let i = 0; i < 50; i++) stream.message({ value: piece });
  assert.equal(call.failure, "etcdserver: too many requests");
  call.cancel();

  const other = open(new Call(`abcdefghijklmnop.${member.store.appliedIndex + 1}`));
  const messages = Array.from({ length: 2000 }, (_, number) => ({ number }));
  for (const message of messages) other.message(message);
  other.halfClosed();
  assert.deepEqual(handled, []);
  await apply({ kind: "leaseGrant", lease: 1n, ttlSeconds: 60 });
  assert.deepEqual(handled.splice(0), [...messages, "end"]);
});
