// What is done to both clusters, one step after the other, as one seed decides. A step is made from what both
// have agreed on so far; whatever the two may answer differently for good reasons is not made here.

import type { WatchCreateRequest, WatchRequest } from "../client/messages.ts";
import { type AuthKnown, authStep, callerOf, isForAnyone } from "./auth-steps.ts";
import { nameOfChosen } from "./names.ts";
import {
  int64Max,
  type Known,
  key,
  makeOperation,
  message,
  type Operation,
  rangeEnd,
  sometimes,
} from "./operations.ts";
import type { Random } from "./random.ts";
import type { Step } from "./step.ts";

/** What the sequence so far has made of both clusters. */
export interface World {
  readonly store: Known;
  readonly leases: Set<bigint>;
  grants: number;
  watches: number;
  isOneDown: boolean;
  readonly auth: AuthKnown;
}

export function makeStep(random: Random, world: World): Step {
  return random.weighted<Step>([
    [60, () => keyValueStep(random, world)],
    [16, () => call(random, world, leaseOperation(random, world))],
    [6, () => streamStep(random, world)],
    [world.watches < 40 ? 5 : 0, () => followStep(random, world)],
    [world.watches > 5 ? 2 : 0, () => ({ kind: "unfollow", which: random.below(world.watches) })],
    [1, () => expireStep(random, world)],
    [world.auth.isWanted ? 30 : 0, () => authStep(random, world.auth)],
    [world.isOneDown ? 6 : 3, () => faultStep(random, world)],
  ]);
}

function keyValueStep(random: Random, world: World): Step {
  const leases = [...world.leases];
  const operation = makeOperation({ random, known: world.store, hasOneMember: false, leases });
  return call(random, world, operation);
}

function call(random: Random, { auth }: World, operation: Operation): Step {
  const at = random.below(6);
  if (!auth.isEnabled) return { kind: "call", operation, at };
  const as = isForAnyone(operation) ? callerOf(random, auth) : auth.root;
  return { kind: "call", operation, at, ...(as === undefined ? {} : { as }) };
}

function faultStep(random: Random, world: World): Step {
  if (world.isOneDown) return { kind: "restart" };
  return {
    kind: "kill",
    whom: random.weighted([
      [5, () => "leader"],
      [3, () => "follower"],
      [1, () => "all"],
    ]),
    which: random.below(2),
  };
}

// ------------------------------------------------------------------------------------ leases

function leaseOperation(random: Random, world: World): Operation {
  const some = () => {
    return random.chance(0.85) && world.leases.size > 0
      ? random.pick([...world.leases])
      : random.pick([77n, -9n, int64Max, nameOfChosen(999_999)]);
  };
  return random.weighted<Operation>([
    [
      world.leases.size < 30 ? 8 : 1,
      () => ({ method: "leaseGrant", request: grant(random, some) }),
    ],
    [3, () => ({ method: "leaseRevoke", request: { ID: some() } })],
    [4, () => ({ method: "leaseKeepAlive", request: { ID: some() } })],
    [4, () => ({ method: "leaseTimeToLive", request: { ID: some(), keys: random.chance(0.7) } })],
    [2, () => ({ method: "leaseLeases", request: {} })],
  ]);
}

/** Long enough never to expire within a sequence; one that shall expire is a step of its own. */
function grant(random: Random, some: () => bigint) {
  const TTL = random.weighted<number | bigint>([
    [30, () => 3_000 + random.below(100_000)],
    [1, () => 9_000_000_000],
    [1, () => 9_000_000_001],
    [1, () => int64Max],
  ]);
  return random.weighted<Operation["request"]>([
    [4, () => ({ TTL })],
    [4, () => ({ TTL, ID: 1_000 + random.below(100_000) })],
    [1, () => ({ TTL, ID: -5 - random.below(1000) })],
    [1, () => ({ TTL, ID: some() })],
  ]);
}

function expireStep(random: Random, world: World): Step {
  const keys = ["lease/b", "lease/a", "k/2"].slice(0, random.below(4));
  return {
    kind: "expire",
    at: random.below(6),
    keys,
    kills: !world.isOneDown && random.chance(0.4),
  };
}

// ----------------------------------------------------------------------------------- watches

function followStep(random: Random, world: World): Step {
  return { kind: "follow", at: random.below(6), request: watchRequest(random, world, false) };
}

function watchRequest(random: Random, { store }: World, mayBeRefused: boolean): WatchCreateRequest {
  const isBroad = random.chance(0.3);
  const start = isBroad ? "\0" : key({ random });
  let end = isBroad ? "\0" : random.chance(0.7) ? rangeEnd({ random }, start) : "";
  const isEmpty = end !== "" && end !== "\0" && end <= (start === "" ? "\0" : start);
  if (isEmpty && !mayBeRefused) end = "\0";
  const oldest = Math.max(store.floor + 1, 1);
  const first = random.weighted<number | undefined>([
    [10, () => undefined],
    [10, () => Math.min(store.revision, oldest + random.below(store.revision))],
    [3, () => store.revision],
    [3, () => store.revision + 1],
    [3, () => store.revision + 1 + random.below(30)],
    // Exactly at the floor, releases differ in what they keep of deletions.
    [store.floor > 1 && mayBeRefused ? 8 : 0, () => 1 + random.below(store.floor - 1)],
  ]);
  return message<WatchCreateRequest>({
    key: start,
    range_end: end,
    start_revision: first,
    filters: sometimes(random, 0.25, () => random.pick([[0], [1], [0, 1], [1, 1]])),
    prev_kv: sometimes(random, 0.5, () => true),
    fragment: sometimes(random, 0.3, () => true),
    progress_notify: sometimes(random, 0.2, () => true),
  });
}

function streamStep(random: Random, world: World): Step {
  if (world.auth.isEnabled && random.chance(0.5)) return watchInTheNameOf(random, world);
  const creations = Array.from({ length: 1 + random.below(6) }, () => {
    const request = watchRequest(random, world, true);
    return random.chance(0.4) ? { ...request, watch_id: random.pick([1, 2, 5, 5, -4]) } : request;
  });
  const ids = [0, 1, 2, 3, 5, -4, 777].filter(() => random.chance(0.4));
  const rest = ids.map((watch_id): WatchRequest => ({ cancel_request: { watch_id } }));
  if (random.chance(0.3)) rest.push({});
  const { auth } = world;
  return {
    kind: "stream",
    at: random.below(6),
    creations,
    rest,
    ...(auth.isEnabled && auth.root !== undefined ? { as: auth.root } : {}),
  };
}

/** May be denied, and is alone on its stream then. 3.4 judges a range without an end by its first key. */
function watchInTheNameOf(random: Random, world: World): Step {
  const { range_end, ...request } = watchRequest(random, world, false);
  const end = range_end === undefined || range_end === "\0" ? {} : { range_end };
  const caller = callerOf(random, world.auth);
  return {
    kind: "stream",
    at: random.below(6),
    creations: [{ ...request, ...end }],
    rest: [],
    ...(typeof caller === "object" ? { as: caller } : {}),
  };
}
