import assert from "node:assert/strict";
import { test } from "node:test";
import { createRefusalJudge } from "./refusals.ts";

function court(voters: number) {
  const world = { connected: 0, condemned: [] as string[], timers: [] as (() => void)[] };
  const judge = createRefusalJudge({
    connected: () => world.connected,
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
