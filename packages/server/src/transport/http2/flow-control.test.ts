import assert from "node:assert/strict";
import { test } from "node:test";
import { SendFlow, type WaitingStream } from "./flow-control.ts";
import type { Output } from "./output.ts";

class Waiting implements WaitingStream {
  windowDelta = 0;
  dequeuedBytes = 0;
  next: Uint8Array = new Uint8Array(100);
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  get queuedBytes(): number {
    return this.next.length;
  }

  advance(bytes: number): void {
    this.next = this.next.subarray(bytes);
  }

  emptied(): void {}
}

test("one SETTINGS that opens a thousand windows by a byte is followed by some frames at a time", () => {
  let frames = 0;
  const output = { isBlocked: false, frameHeader: () => frames++, copy() {} } as unknown as Output;
  const sending = new SendFlow(output);
  const streams = Array.from({ length: 1000 }, (_, i) => new Waiting(2 * i + 1));
  sending.resizeStreams(streams, 1);
  for (const stream of streams) sending.enqueued(stream);
  const perPump: number[] = [];
  while (sending.canPump) {
    const before = frames;
    sending.pump();
    perPump.push(frames - before);
  }
  assert.equal(frames, 1000);
  assert.ok(Math.max(...perPump) <= 256, `${perPump}`);
  assert.ok(streams.every(({ queuedBytes }) => queuedBytes === 99));
});
