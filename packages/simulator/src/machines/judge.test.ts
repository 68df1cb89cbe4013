// Each thing that the judge of machines must find, in a history that was forged to show it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Machine, MachineContext } from "@althing/member";
import { Verdicts } from "../checkers/verdicts.ts";
import { MachineJudge } from "./judge.ts";

class Sum implements Machine<number, number, number> {
  sum = 0;
  apply(added: number): number {
    if (added < 0) throw new RangeError("less than nothing");
    this.sum += added;
    return this.sum;
  }
  snapshot = () => this.sum;
  restore(sum: number): void {
    this.sum = sum;
  }
}

const returned = (value: unknown): Answer<unknown> => ({ kind: "returned", value });
const at = (index: number): MachineContext => ({ index, timeMs: 0 });

function court() {
  const found: string[] = [];
  const verdicts = new Verdicts(({ property }) => found.push(property));
  const invariant = (machine: Machine) =>
    (machine as Sum).sum > 100 ? "more than there is" : undefined;
  const judge = new MachineJudge<Machine>({ verdicts, reference: new Sum(), invariant });
  const one = new Sum();
  return { found, judge, one, watched: judge.watched("m0", one) };
}

test("a history as it should be says nothing", () => {
  const { found, judge, watched } = court();
  assert.equal(watched.apply(1, at(3)), 1);
  judge.answered(1, 3, returned(1), 0);
  assert.throws(() => watched.apply(-1, at(4)), RangeError);
  judge.answered(-1, 4, { kind: "threw", error: new RangeError("less than nothing") }, 3);
  judge.read(4, judge.told);
  // Applied again after a restart, and on another member.
  judge.watched("m1", new Sum()).apply(1, at(3));
  assert.deepEqual(found, []);
});

test("an answer that another member does not give", () => {
  const { found, judge, watched } = court();
  watched.apply(1, at(3));
  const other = new Sum();
  other.restore(7);
  judge.watched("m1", other).apply(1, at(3));
  assert.deepEqual(found, ["determinism"]);
});

test("a state that must not be, after a command and after a snapshot", () => {
  const { found, watched } = court();
  watched.apply(101, at(3));
  watched.restore(102);
  assert.deepEqual(found, ["invariant", "invariant"]);
});

test("an acknowledgement of what the log does not hold, or answers otherwise", () => {
  const { found, judge, watched } = court();
  watched.apply(1, at(3));
  judge.answered(2, 3, returned(1), 0);
  assert.deepEqual(found, ["durability"]);
  judge.answered(1, 3, returned(9), 0);
  assert.deepEqual(found, ["durability", "linearizability"]);
});

test("what is answered, or read, from before what was told already", () => {
  const { found, judge, watched } = court();
  watched.apply(1, at(3));
  watched.apply(1, at(4));
  judge.answered(1, 4, returned(2), 0);
  judge.answered(1, 3, returned(1), judge.told);
  judge.read(3, judge.told);
  assert.deepEqual(found, ["linearizability", "linearizability"]);
});
