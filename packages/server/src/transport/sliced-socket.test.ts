import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { limitsOf, MemoryBudget } from "./budget.ts";
import { SlicedSocket } from "./sliced-socket.ts";

const workMs = 3;

async function accepted(t: { after(run: () => void): void }) {
  const memory = new MemoryBudget(limitsOf(1e9));
  const listener = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const caller = connect((listener.address() as AddressInfo).port, "127.0.0.1");
  caller.on("error", () => {});
  const sliced = await new Promise<SlicedSocket>((resolve) => {
    listener.once("connection", (socket) => {
      socket.on("error", () => {});
      resolve(
        new SlicedSocket(
          socket,
          memory.open("", () => {}),
        ),
      );
    });
  });
  t.after(() => {
    caller.destroy();
    listener.close();
  });
  return { caller, sliced, memory };
}

function work(): void {
  const started = performance.now();
  while (performance.now() - started < workMs);
}

test("what takes long is handed on a few slices in a turn, and all of it in order", async (t) => {
  const { caller, sliced, memory } = await accepted(t);
  const sent = Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * 7) % 251));
  const received: Buffer[] = [];
  let inTurn = 0;
  let most = 0;
  sliced.on("data", (slice: Buffer) => {
    received.push(slice);
    most = Math.max(most, ++inTurn);
    work();
  });
  const ended = new Promise((resolve) => sliced.once("end", resolve));
  let isOver = false;
  const turns = (async () => {
    while (!isOver) {
      await new Promise(setImmediate);
      inTurn = 0;
    }
  })();
  caller.end(sent);
  await ended;
  isOver = true;
  await turns;
  assert.deepEqual(Buffer.concat(received), sent);
  // 20 ms of a turn, and those of one more where the system hands over before the turn is seen to be over.
  assert.ok(most <= 2 * Math.ceil(20 / workMs), `${most} slices in a turn`);
  assert.equal(memory.usedBytes, 0);
});

test("nothing more is read than its reader wants, and what waits is charged", async (t) => {
  const { caller, sliced, memory } = await accepted(t);
  caller.write(Buffer.alloc(8 << 20));
  await new Promise((resolve) => sliced.once("readable", resolve));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(sliced.readableLength <= 2 * 2048, `${sliced.readableLength} bytes wait to be read`);
  assert.ok(memory.usedBytes > 0 && memory.usedBytes <= 64 << 10, `${memory.usedBytes} charged`);
  sliced.destroy();
  assert.equal(memory.usedBytes, 0);
});

test("who is trusted from some time on has handed on what comes as it comes", async (t) => {
  const { caller, sliced } = await accepted(t);
  const sizes: number[] = [];
  sliced.on("data", (chunk: Buffer) => sizes.push(chunk.length));
  const sum = () => sizes.reduce((all, size) => all + size, 0);
  for (const bytes of [10_000, 60_000]) {
    const before = sum();
    caller.write(Buffer.alloc(bytes));
    while (sum() < before + bytes) await new Promise((done) => setImmediate(done));
    assert.equal(Math.max(...sizes) > 2048, bytes === 60_000);
    sliced.trust();
  }
});
