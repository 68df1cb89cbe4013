import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AssertionFailure } from "../assert.ts";
import type { Entry } from "../contract.ts";
import { Entries } from "./entries.ts";

function entryAt(index: number, epoch: number, size = 1): Entry {
  return { index, epoch, proposer: "", kind: "command", payload: new Uint8Array(size) };
}

test("the log view agrees with a naive list under any sequence of changes", () => {
  const move = fc.tuple(fc.nat(3), fc.nat(9));
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60, size: "max" }), (moves) => {
      const log = new Entries(3, 1, []);
      let base = { index: 3, epoch: 1 };
      let naive: Entry[] = [];
      let epoch = 1;
      for (const [kind, choice] of moves) {
        const last = base.index + naive.length;
        if (kind <= 1) {
          if (choice === 0) epoch++;
          const entry = entryAt(last + 1, epoch);
          log.append(entry);
          naive.push(entry);
        } else if (kind === 2) {
          const from = base.index + 1 + (choice % (naive.length + 1));
          log.truncateFrom(from);
          naive = naive.filter((entry) => entry.index < from);
          epoch = naive[naive.length - 1]?.epoch ?? base.epoch;
        } else {
          const upTo = base.index + (choice % (naive.length + 1));
          log.compact(upTo);
          base = naive.find((entry) => entry.index === upTo) ?? base;
          naive = naive.filter((entry) => entry.index > upTo);
        }
        assert.deepEqual(log.toArray(), naive);
        assert.equal(log.baseIndex, base.index);
        assert.equal(log.baseEpoch, base.epoch);
        assert.equal(log.lastIndex, base.index + naive.length);
        assert.equal(log.lastEpoch, naive[naive.length - 1]?.epoch ?? base.epoch);
        for (let index = base.index - 1; index <= log.lastIndex + 1; index++) {
          const entry = naive.find((other) => other.index === index);
          assert.equal(log.at(index), entry);
          const known = index === base.index ? base.epoch : entry?.epoch;
          assert.equal(log.epochAt(index), known);
        }
        for (let wanted = 0; wanted <= epoch; wanted++) {
          const fits = naive.filter((entry) => entry.epoch <= wanted);
          const expected = fits[fits.length - 1]?.index ?? base.index;
          assert.equal(log.lastIndexWithEpochAtMost(wanted, log.lastIndex), expected);
        }
      }
    }),
  );
});

test("slices share the entries and end where the bytes do, with one entry at the least", () => {
  const entries = [entryAt(1, 1, 5), entryAt(2, 1, 5), entryAt(3, 1, 100), entryAt(4, 1, 1)];
  const log = new Entries(0, 0, entries);
  const indexes = (list: Entry[]) => list.map((entry) => entry.index);
  assert.deepEqual(indexes(log.sliceOfBytes(1, 10)), [1, 2]);
  assert.deepEqual(indexes(log.sliceOfBytes(1, 9)), [1]);
  assert.deepEqual(indexes(log.sliceOfBytes(3, 9)), [3]);
  assert.deepEqual(indexes(log.sliceOfBytes(3, 1000)), [3, 4]);
  assert.deepEqual(indexes(log.sliceOfBytes(5, 1000)), []);
  assert.deepEqual(indexes(log.slice(2, 3)), [2, 3]);
  assert.equal(log.slice(2, 2)[0], entries[1]);
});

test("a gap, a cut below the base and a slice outside are bugs", () => {
  const log = new Entries(3, 1, [entryAt(4, 1)]);
  assert.throws(() => log.append(entryAt(6, 1)), AssertionFailure);
  assert.throws(() => log.truncateFrom(3), AssertionFailure);
  assert.throws(() => log.compact(5), AssertionFailure);
  assert.throws(() => log.slice(3, 4), AssertionFailure);
  assert.throws(() => log.slice(4, 5), AssertionFailure);
});

test("a reset leaves nothing of what was", () => {
  const log = new Entries(0, 0, [entryAt(1, 1), entryAt(2, 1)]);
  log.reset(9, 4);
  assert.deepEqual([log.baseIndex, log.baseEpoch, log.lastIndex, log.lastEpoch], [9, 4, 9, 4]);
  assert.equal(log.at(1), undefined);
});
