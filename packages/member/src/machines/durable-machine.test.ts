import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryDisk } from "@althing/log";
import fc from "fast-check";
import { DurableMachine } from "./durable-machine.ts";
import { decodeJson, encodeJson } from "./json.ts";
import type { Machine } from "./machine.ts";
import { CaptureAssembler, CaptureDamaged, readCapture } from "./snapshot-chunks.ts";

/** Adds up; refuses what is negative. */
class Sum implements Machine<number, number, { readonly sum: number }> {
  sum = 0;
  apply(added: number): number {
    if (added < 0) throw new RangeError("less than nothing");
    this.sum += added;
    return this.sum;
  }
  snapshot() {
    return { sum: this.sum };
  }
  restore({ sum }: { readonly sum: number }): void {
    this.sum = sum;
  }
}

/** A disk that answers at once. */
const newDisk = () => new MemoryDisk({ schedule: (run) => run() });

function opened(disk = newDisk()) {
  const sum = new Sum();
  const machine = new DurableMachine(sum, disk);
  const add = (added: unknown) =>
    machine.apply(encodeJson(added), {
      index: machine.appliedIndex + 1,
      epoch: 1,
      proposer: "a",
      leaderTimeMs: 5,
    });
  const flush = () => {
    let told: Error | undefined | "not told" = "not told";
    machine.flush((error) => {
      told = error;
    });
    assert.equal(told, undefined);
  };
  return { disk, sum, machine, add, flush };
}

test("what it answers and what it throws is answered, and both move the point", () => {
  const { machine, sum, add } = opened();
  assert.deepEqual(add(3), { kind: "returned", value: 3 });
  const refused = add(-1);
  assert.ok(refused.kind === "threw" && refused.error instanceof RangeError);
  assert.deepEqual([machine.appliedIndex, sum.sum], [2, 3]);
});

test("a restart finds what was made durable, with its meta and hash, and nothing else", () => {
  const first = opened();
  first.add(3);
  const meta = Uint8Array.of(1, 2, 3);
  first.machine.applyNothing({ index: 2, epoch: 1, proposer: "a", leaderTimeMs: 0 }, meta);
  first.flush();
  const { hash } = first.machine.stateHash();
  first.add(4);
  first.disk.crash();
  const second = opened(first.disk);
  assert.deepEqual([second.machine.appliedIndex, second.sum.sum], [2, 3]);
  assert.deepEqual(second.machine.durable().meta, meta);
  assert.equal(second.machine.stateHash().hash, hash);
});

test("a damaged checkpoint gives way to the one before; when all are, it says so", () => {
  const { disk, add, flush } = opened();
  add(1);
  flush();
  add(2);
  flush();
  const names = disk.list();
  assert.equal(names.length, 2);
  const damage = (name: string) => {
    const file = disk.open(name);
    file.writeNow(file.size() - 1, Uint8Array.of(0));
    file.syncNow();
    file.close();
  };
  damage(names[1]!);
  assert.equal(opened(disk).sum.sum, 1);
  damage(names[0]!);
  assert.throws(() => opened(disk), CaptureDamaged);
});

test("a disk that takes no checkpoint says so, and takes the next one", () => {
  const { disk, machine, add, flush } = opened();
  add(1);
  disk.inject({ operation: "write", code: "full" });
  let told: Error | undefined;
  machine.flush((error) => {
    told = error;
  });
  assert.match(String(told), /write fails/);
  assert.equal(machine.durable().index, 0);
  flush();
  assert.equal(machine.durable().index, 1);
});

test("a snapshot brings another machine to the same state and hash, durably", () => {
  const from = opened();
  for (const added of [1, 2, 3]) from.add(added);
  const to = opened();
  to.add(9);
  const writer = to.machine.beginRestore();
  const reader = from.machine.openSnapshot();
  for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) writer.write(chunk);
  assert.equal(writer.finish().index, 3);
  assert.equal(to.sum.sum, 9, "nothing has changed yet");
  writer.install((error) => assert.equal(error, undefined));
  assert.deepEqual(to.machine.stateHash(), from.machine.stateHash());
  to.disk.crash();
  assert.equal(opened(to.disk).sum.sum, 6);
});

test("a machine that answers otherwise has another hash, whatever its state", () => {
  const [one, other] = [opened(), opened()];
  one.add(1);
  other.sum.apply = () => 2;
  other.add(1);
  assert.notEqual(one.machine.stateHash().hash, other.machine.stateHash().hash);
});

test("what is no JSON value is the caller's fault; as an answer it is thrown", () => {
  for (const value of [undefined, 1n, () => {}]) assert.throws(() => encodeJson(value), TypeError);
  const { add, sum } = opened();
  sum.apply = () => 1n as unknown as number;
  assert.equal(add(1).kind, "threw");
});

test("JSON comes back from bytes as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
      const again = decodeJson(encodeJson(value));
      assert.deepEqual(again, JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("every cut and every flipped bit of a snapshot is noticed", () => {
  const point = { index: 7, epoch: 3, proposer: "a", meta: Uint8Array.of(9) };
  const capture = { point, hash: 2 ** 32 - 1, state: new Uint8Array(600_000).fill(7) };
  const chunks: Uint8Array[] = [];
  const reader = readCapture(capture);
  for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) chunks.push(chunk);
  const assemble = (given: readonly Uint8Array[]) => {
    const assembler = new CaptureAssembler();
    for (const chunk of given) assembler.write(chunk);
    return assembler.finish();
  };
  assert.deepEqual(assemble(chunks), capture);
  assert.throws(() => assemble(chunks.slice(0, -1)), CaptureDamaged);
  assert.throws(() => assemble([chunks[0]!, chunks[2]!, chunks[1]!]), CaptureDamaged);
  for (let at = 0; at < chunks[0]!.length; at++) {
    const damaged = chunks[0]!.slice();
    damaged[at]! ^= 1;
    assert.throws(() => assemble([damaged, ...chunks.slice(1)]), CaptureDamaged);
  }
});
