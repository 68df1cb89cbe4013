import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../testing/random-commands.ts";
import { beyondAllKeys, type Meets, type Place, RangeIndex } from "./range-index.ts";

const nameOf = ({ start, end }: Place) => `${start} ${end}`;
const meetsOne =
  (key: string): Meets =>
  (start, end) =>
    start <= key && key < end;

function found(index: RangeIndex<string>, meets: Meets): string[] {
  const names: string[] = [];
  for (let at = index.next(undefined, meets); at !== undefined; at = index.next(at, meets)) {
    assert.equal(at.value, nameOf(at));
    names.push(at.value);
  }
  return names;
}

/** The naive scan. */
function scanned(places: Iterable<Place>, meets: Meets): string[] {
  return [...places]
    .filter(({ start, end }) => meets(start, end))
    .map(nameOf)
    .sort();
}

test("ranges that are added and removed are found as a look at each finds them", () => {
  const random = createRandom(5);
  const key = () => String.fromCharCode(97 + random(5), 97 + random(5));
  const index = new RangeIndex<string>();
  const places = new Map<string, Place>();
  for (let step = 0; step < 20_000; step++) {
    const [a, b] = [key(), key()].sort();
    const place = { start: a!, end: random(8) === 0 ? beyondAllKeys : `${b}\0` };
    const name = nameOf(place);
    assert.equal(index.get(place), places.get(name) && name);
    const isGrowing = Math.floor(step / 2500) % 2 === 0;
    if (places.has(name)) {
      if (!isGrowing || random(4) === 0) {
        index.delete(place);
        places.delete(name);
      }
    } else if (isGrowing || random(8) === 0) {
      index.add(place, name);
      places.set(name, place);
    }
    assert.equal(index.size, places.size);
    if (step % 20 !== 0) continue;
    const keys = Array.from({ length: 1 + random(3) }, key);
    const meets: Meets = (start, end) => keys.some((one) => start <= one && one < end);
    assert.deepEqual(found(index, meets), scanned(places.values(), meets));
  }
  for (const place of places.values()) index.delete(place);
  assert.equal(index.size, 0);
  assert.equal(
    index.next(undefined, () => true),
    undefined,
  );
});

test("who stops in between has each once that stays, whatever comes and goes meanwhile", () => {
  const random = createRandom(6);
  const index = new RangeIndex<string>();
  const stay: Place[] = [];
  for (let i = 0; i < 500; i++) {
    const start = `k${1000 + i}`;
    index.add({ start, end: "l" }, nameOf({ start, end: "l" }));
    if (i % 2 === 0) stay.push({ start, end: "l" });
  }
  const names: string[] = [];
  for (let at = index.next(undefined, () => true); at !== undefined; ) {
    names.push(at.value);
    // The one that it stands on goes as well, where it is not one of those that stay.
    const odd = `k${1001 + 2 * random(250)}`;
    for (const start of [at.start, odd]) {
      const place = { start, end: "l" };
      if (index.get(place) !== undefined && Number(start.slice(1)) % 2 === 1) index.delete(place);
    }
    const place = { start: `m${random(100_000)}`, end: "n" };
    if (index.get(place) === undefined && names.length < 400) index.add(place, nameOf(place));
    at = index.next(at, () => true);
  }
  assert.equal(new Set(names).size, names.length);
  const isOld = (name: string) => name.startsWith("k") && Number(name.slice(1, 5)) % 2 === 0;
  assert.deepEqual(names.filter(isOld), stay.map(nameOf));
});

test("to find the few of a hundred thousand ranges that a key lies in takes few looks", () => {
  const count = 100_000;
  const index = new RangeIndex<string>();
  const startOf = (i: number) => `k${100_000 + i}`;
  // In order, which is the worst for a tree that is not balanced; and some that reach far.
  for (let i = 0; i < count; i++) {
    const end = i % 10_000 === 0 ? "l" : startOf(i + 1);
    index.add({ start: startOf(i), end }, nameOf({ start: startOf(i), end }));
  }
  // Most of the first half go again.
  for (let i = 1; i < count / 2; i++) {
    if (i % 10_000 !== 0) index.delete({ start: startOf(i), end: startOf(i + 1) });
  }
  let looks = 0;
  const meets: Meets = (start, end) => {
    looks++;
    return meetsOne(startOf(80_005))(start, end);
  };
  assert.equal(found(index, meets).length, 10);
  // Ten times to a leaf and back, and once more to find no other.
  assert.ok(looks < 11 * 6 * Math.log2(count), `${looks} looks`);
});
