// Plans of several hundred moves, drawn from a seed. Each plan has its own mixture: which kinds of
// moves come often and which hardly ever is drawn first, so that some plans change the membership all
// the time, others elect, others lose messages. What needs a dozen rare steps in a row is reached so,
// and not by plans in which everything is equally likely.

import { type RandomPlan, randomOf } from "./random-run.ts";

type Move = readonly [kind: number, member: number, choice: number];

/** Kinds of moves as `random-run.ts` numbers them, and how often each comes before the mixing. */
const kinds = {
  time: [0, 3],
  deliverSome: [3, 6],
  deliverAny: [8, 2],
  lose: [9, 1],
  double: [10, 1],
  persist: [11, 4],
  propose: [14, 2],
  read: [16, 1],
  crash: [17, 0.5],
  restart: [18, 1],
  compact: [19, 0.5],
  snapshot: [20, 1],
  transfer: [21, 0.5],
  membership: [22, 1],
  trouble: [23, 2],
  partition: [27, 0.5],
  goOn: [28, 0.5],
  loseLink: [29, 1],
  partInTheMidst: [30, 0.3],
} as const;

export function longPlan(seed: number): RandomPlan {
  const random = randomOf(seed);
  const list = Object.values(kinds).map(([kind, often]) => {
    // From a thirtieth to ten times as often.
    return { kind, weight: often * 10 ** (random() * 2.5 - 1.5) };
  });
  // Without these nothing goes on at all.
  for (const one of list) {
    if (one.kind === 0 || one.kind === 3 || one.kind === 11) one.weight = Math.max(one.weight, 1);
  }
  const total = list.reduce((sum, { weight }) => sum + weight, 0);
  const count = 200 + Math.floor(random() * 1200);
  const moves: Move[] = [];
  for (let i = 0; i < count; i++) {
    const kind = draw(list, random() * total);
    moves.push([kind, Math.floor(random() * 7), Math.floor(random() * 1024)]);
  }
  return {
    voters: 1 + Math.floor(random() * 5),
    learners: Math.floor(random() * 2),
    seed,
    withMembership: true,
    moves,
    ...settingsOf(random),
  };
}

/**
 * What is under way is met by faults again and again: nearly every move begins something and parts the
 * members, or crashes one, in the midst of it. Short, because each such move is many.
 */
export function midstPlan(seed: number): RandomPlan {
  const random = randomOf(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const length = 4 + below(24);
  const moves = Array.from({ length }, (): Move => {
    return [midstMoves[below(midstMoves.length)]!, below(7), below(1024)];
  });
  return {
    voters: 2 + below(3),
    learners: below(2),
    outsiders: 1 + below(3),
    seed,
    withMembership: random() < 0.7,
    moves,
    ...(random() < 0.6 && { halfDone: seed }),
    ...settingsOf(random),
  };
}

const midstMoves = [30, 30, 30, 30, 30, 28, 14, 0, 18, 11, 19, 26];

/**
 * What is rare, all at once: changes of the membership, transfers and snapshots cross each other, words and snapshots of
 * long ago arrive in the midst of them, whatever their receiver has become, and much comes to it in one turn.
 */
export function crossedPlan(seed: number): RandomPlan {
  const random = randomOf(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const length = 50 + below(350);
  const moves = Array.from({ length }, (): Move => {
    return [crossedMoves[below(crossedMoves.length)]!, below(7), below(1024)];
  });
  return {
    voters: 2 + below(4),
    learners: below(3),
    outsiders: 1 + below(2),
    seed,
    withMembership: true,
    moves,
    ...settingsOf(random),
    ...(random() < 0.3 && { priorities: { a: 1 + below(3), b: 1 + below(3), c: 1 + below(3) } }),
  };
}

const crossedMoves = [
  ...[32, 32, 32, 32, 32, 33, 33, 33],
  ...[31, 31, 31, 31, 31, 31, 31, 31, 22, 22, 22, 22, 21, 21, 21, 21, 25, 25, 25, 19, 19, 20, 20],
  ...[23, 23, 23, 16, 16, 14, 14, 3, 3, 3, 3, 8, 11, 11, 0, 0, 26, 17, 18, 18, 30, 28],
];

function draw(list: readonly { kind: number; weight: number }[], point: number): number {
  let left = point;
  for (const { kind, weight } of list) {
    left -= weight;
    if (left < 0) return kind;
  }
  return list[0]!.kind;
}

/** Small messages make promises and histories travel in parts; leases come with clocks that drift. */
function settingsOf(random: () => number): Pick<RandomPlan, "core" | "clockDrift"> {
  const limits = { messageBytesMax: 3, messagesInFlightMax: 2, uncommittedBytesMax: 40 };
  const core = random() < 0.5 ? {} : { limits };
  if (random() < 0.7) return { core };
  return { core: { ...core, reads: "lease", clockDriftMax: 0.1 }, clockDrift: 0.09 };
}
