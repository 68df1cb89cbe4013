// Draws the faults of one run: first which kinds it has at all, then when and whom they strike.

import { windowKinds } from "../observe/windows.ts";
import type { FaultSwitch, SimulationOptions } from "../options/options.ts";
import type { Prng } from "../random/prng.ts";
import { diskErrorKinds, type Fault, type PlannedChange, type Target } from "./plan.ts";

type Draw = (atMs: number) => Fault;

export function drawFaults(
  options: SimulationOptions,
  prng: Prng,
  allowed: ReadonlySet<FaultSwitch>,
): Fault[] {
  const electionMs = options.tickMs * options.electionTicks;
  const members = options.voters + options.learners;
  const target = (): Target => (prng.chance(0.5) ? "leader" : prng.below(members));
  const anyone = (): number => prng.below(members);
  const span = (): number => Math.floor(electionMs * prng.logUniform(0.2, 10));
  const groups: [FaultSwitch, number, Draw[]][] = [
    [
      "crash",
      0.7,
      [
        (atMs) => ({ kind: "crash", atMs, target: target(), downMs: span(), power: false }),
        (atMs) => ({ kind: "crash", atMs, target: target(), downMs: span(), power: true }),
        (atMs) => ({ kind: "crash", atMs, target: anyone(), downMs: span(), power: true }),
        (atMs) => ({ kind: "blackout", atMs, downMs: span() }),
        (atMs) => ({ kind: "restart", atMs, target: target(), downMs: span() }),
      ],
    ],
    [
      "pause",
      0.4,
      [
        (atMs) => ({
          kind: "pause",
          atMs,
          target: target(),
          forMs: span(),
          timersFirst: prng.chance(0.5),
        }),
        (atMs) => ({
          kind: "slow",
          atMs,
          target: target(),
          forMs: span(),
          turnMs: Math.ceil(electionMs * prng.pick([0.02, 0.2, 0.6])),
        }),
      ],
    ],
    [
      "partition",
      0.7,
      [
        (atMs) => ({ kind: "partition", atMs, forMs: span(), sides: drawSides(members, prng) }),
        (atMs) => ({
          kind: "isolate",
          atMs,
          forMs: span(),
          target: target(),
          direction: prng.pick(["both", "deaf", "mute"]),
        }),
        // Long enough for another leader, short enough to come back with entries of its own.
        (atMs) => ({
          kind: "isolate",
          atMs,
          forMs: Math.ceil(electionMs * (1 + 3 * prng.random())),
          target: "leader",
          direction: prng.pick(["both", "deaf"]),
        }),
      ],
    ],
    [
      "network",
      0.4,
      [
        (atMs) => ({
          kind: "clog",
          atMs,
          forMs: span(),
          from: anyone(),
          to: anyone(),
          extraMs: Math.ceil(electionMs * prng.pick([0.05, 0.5, 2])),
        }),
      ],
    ],
    [
      "disk",
      0.4,
      [
        (atMs) => ({
          kind: "diskError",
          atMs,
          target: target(),
          on: prng.pick(diskErrorKinds),
        }),
        (atMs) => ({
          kind: "diskFull",
          atMs,
          target: target(),
          forMs: span(),
          freeBytes: prng.below(20_000),
        }),
        (atMs) => ({
          kind: "diskSlow",
          atMs,
          target: target(),
          forMs: span(),
          slowMs: Math.ceil(electionMs * prng.pick([0.05, 0.5, 3])),
        }),
      ],
    ],
    [
      "clock",
      0.3,
      [
        (atMs) => ({
          kind: "clock",
          atMs,
          target: target(),
          rate: 1 + (prng.random() * 2 - 1) * options.clockSkew,
          wallJumpMs: prng.between(-100_000, 100_000),
        }),
      ],
    ],
    ["transfer", 0.4, [(atMs) => ({ kind: "transfer", atMs, to: anyone() })]],
    [
      "membership",
      0.35,
      [(atMs) => ({ kind: "membership", atMs, changes: drawChanges(options, prng) })],
    ],
  ];

  const faults: Fault[] = [];
  let changesMembers = false;
  for (const [name, probability, draws] of groups) {
    const chosen = prng.chance(probability);
    const own = prng.split(name);
    if (!chosen || !allowed.has(name)) continue;
    if (name === "membership") changesMembers = true;
    const used = own.shuffle(draws).slice(0, own.between(1, draws.length));
    // Dense enough to overlap, not so dense that nothing happens but faults.
    const gapMs = Math.max(electionMs * own.logUniform(1, 20), options.safetyMs / 40);
    for (let atMs = gapMs * own.random(); atMs < options.safetyMs; ) {
      faults.push(own.pick(used)(Math.floor(atMs)));
      atMs += 1 + own.exponential(gapMs);
    }
  }
  if (changesMembers) faults.push(...drawReconfigurations(options, prng.split("reconfigure")));
  if (allowed.has("crash")) faults.push(...drawAmbushes(options, prng.split("ambush")));
  // Lost disks count against a fixed membership: the majority that remembers must remain one.
  if (allowed.has("damage") && !changesMembers && prng.chance(0.25)) {
    faults.push(...drawDamage(options, prng));
  }
  return faults.sort((left, right) => left.atMs - right.atMs);
}

/** The changes of the other kind are given to the core of whoever leads. */
function drawReconfigurations(options: SimulationOptions, prng: Prng): Fault[] {
  const machines = options.voters + options.learners + options.spares;
  return Array.from({ length: prng.between(0, 5) }, () => ({
    kind: "reconfigure",
    atMs: prng.below(options.safetyMs),
    via: prng.below(machines),
    change: prng.pick(["addVoter", "addVoter", "addLearner", "promote", "remove"]),
    member: prng.below(machines),
    strict: prng.chance(0.3),
  }));
}

/** Crashes inside what is under way, rather than at any time. */
function drawAmbushes(options: SimulationOptions, prng: Prng): Fault[] {
  const electionMs = options.tickMs * options.electionTicks;
  const ambushes: Fault[] = [];
  if (prng.chance(0.4)) return ambushes;
  for (const window of windowKinds) {
    if (prng.chance(0.5)) continue;
    for (let left = prng.between(1, 3); left > 0; left--) {
      ambushes.push({
        kind: "ambush",
        atMs: prng.below(options.safetyMs),
        window,
        // A step of an installation takes as long as a sync.
        afterMicros: prng.below(Math.ceil(options.disk.sync * prng.pick([0.1, 1, 5]))),
        downMs: Math.floor(electionMs * prng.logUniform(0.1, 5)),
        power: prng.chance(0.6),
      });
    }
  }
  return ambushes;
}

/** At most a minority of the voters ever loses what it stored. */
function drawDamage(options: SimulationOptions, prng: Prng): Fault[] {
  const budget = Math.floor((options.voters - 1) / 2);
  if (budget === 0) return [];
  const electionMs = options.tickMs * options.electionTicks;
  const victims = prng.shuffle(Array.from({ length: options.voters }, (_, i) => i));
  return victims.slice(0, prng.between(1, budget)).map((target) => ({
    kind: prng.pick(["rot", "wipe"] as const),
    atMs: Math.floor(options.safetyMs * (0.2 + 0.7 * prng.random())),
    target,
    downMs: Math.floor(electionMs * prng.logUniform(0.2, 10)),
  }));
}

function drawSides(members: number, prng: Prng): number[][] {
  const all = prng.shuffle(Array.from({ length: members }, (_, i) => i));
  // A bridge belongs to no side and hears everyone: a partial partition.
  const bridges = members > 2 && prng.chance(0.3) ? 1 : 0;
  const parted = all.slice(bridges);
  const cut = prng.between(1, Math.max(1, parted.length - 1));
  const sides = [parted.slice(0, cut), parted.slice(cut)];
  if (parted.length > 3 && prng.chance(0.2)) sides.push(sides[1]?.splice(0, 1) ?? []);
  return sides.filter((side) => side.length > 0).map((side) => side.sort((a, b) => a - b));
}

function drawChanges(options: SimulationOptions, prng: Prng): PlannedChange[] {
  const machines = options.voters + options.learners + options.spares;
  const one = (): PlannedChange => ({
    kind: prng.pick(["addVoter", "addLearner", "promote", "promote", "remove"]),
    member: prng.below(machines),
  });
  const changes = [one()];
  // Replacing several at once takes the joint configuration.
  if (prng.chance(0.3)) {
    const second = one();
    if (second.member !== changes[0]?.member) changes.push(second);
  }
  return changes;
}
