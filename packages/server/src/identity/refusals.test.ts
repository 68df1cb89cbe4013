import assert from "node:assert/strict";
import { test } from "node:test";
import { createRefusalJudge } from "./refusals.ts";

function court(voters: number) {
  const world = {
    connected: 0,
    isFounding: false,
    condemned: [] as string[],
    timers: [] as (() => void)[],
  };
  const judge = createRefusalJudge({
    connected: () => world.connected,
    isFounding: () => world.isFounding,
    voters: () => voters,
    after: (_ms, run) => world.timers.push(run),
    condemned: (reason) => world.condemned.push(reason),
  });
  const passTime = () => {
    for (const run of world.timers.splice(0)) run();
  };
  return { world, judge, passTime };
}

test("a member that is refused and finds no majority that accepts it ends, once", () => {
  const { world, judge, passTime } = court(3);
  judge.refused("a", "wiped");
  judge.refused("b", "wiped");
  assert.deepEqual(world.condemned, []);
  passTime();
  judge.refused("a", "wiped");
  passTime();
  assert.deepEqual(world.condemned, ["wiped"]);
});

test("one confused peer cannot end a member that a majority accepts", () => {
  const { world, judge, passTime } = court(3);
  world.connected = 1;
  judge.refused("a", "wiped");
  passTime();
  assert.deepEqual(world.condemned, []);
  // The one that accepted it is gone as well: now there is nobody.
  world.connected = 0;
  judge.refused("a", "wiped");
  passTime();
  assert.deepEqual(world.condemned, ["wiped"]);
});

test("a founder that anybody knows with another disk ends before it can found a second cluster", () => {
  const { world, judge } = court(3);
  world.isFounding = true;
  // The other one that was wiped accepts it: together they would be a majority.
  world.connected = 1;
  judge.refused("a", "wiped");
  judge.refused("a", "wiped");
  assert.deepEqual(world.condemned, ["wiped"]);
});
