// The fast checker against the definition itself, on small random histories, half of them broken on
// purpose. A checker that agrees with the naive one on ten thousand of them is one to be trusted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../random/prng.ts";
import { checkLinearizability } from "./check.ts";
import { type Action, describeOperation, type Operation, type State, step } from "./model.ts";
import { naivelyLinearizable } from "./testing/naive.ts";

const keys = 3;

/** A history that some order explains, with overlapping calls and some unknown outcomes. */
function goodHistory(prng: Prng): Operation[] {
  const count = prng.between(2, 6);
  let state: State = new Array<number>(keys).fill(0);
  let value = 1;
  const history: Operation[] = [];
  for (let i = 0; i < count; i++) {
    const point = (i + 1) * 100;
    const used = [...state, value];
    const action = (): Action => {
      const key = prng.below(keys);
      return prng.weighted<() => Action>([
        [3, () => ({ kind: "get", key })],
        [4, () => ({ kind: "put", key, value: value++ })],
        [1, () => ({ kind: "delete", key })],
      ])();
    };
    const conditional = prng.chance(0.3);
    const many = prng.chance(0.25) ? 2 : 1;
    const operation: Operation = {
      client: i,
      called: point - prng.between(1, 250),
      returned: point + prng.between(1, 250),
      compares: conditional ? [{ key: prng.below(keys), equals: prng.pick(used) }] : [],
      success: Array.from({ length: many }, action),
      failure: conditional && prng.chance(0.5) ? [action()] : [],
      outcome: undefined,
    };
    const lost = prng.chance(0.2);
    if (lost && prng.chance(0.5)) {
      history.push({ ...operation, returned: Number.POSITIVE_INFINITY });
      continue;
    }
    const outcome = outcomeAt(state, operation, prng);
    state = step(state, operation, (key) => key) as State;
    history.push(
      lost ? { ...operation, returned: Number.POSITIVE_INFINITY } : { ...operation, outcome },
    );
  }
  return prng.shuffle(history).sort((left, right) => left.called - right.called);
}

function outcomeAt(state: State, operation: Operation, prng: Prng) {
  const succeeded = operation.compares.every((item) => state[item.key] === item.equals);
  const now = [...state];
  const found = (succeeded ? operation.success : operation.failure).map((action) => {
    const before = now[action.key];
    if (action.kind !== "get") now[action.key] = action.kind === "put" ? action.value : 0;
    return action.kind === "get" || prng.chance(0.6) ? before : undefined;
  });
  return { succeeded, found };
}

/** Changes what one operation says that it found. */
function broken(history: readonly Operation[], prng: Prng): Operation[] {
  const out = [...history];
  const answered = out.filter((operation) => operation.outcome !== undefined);
  if (answered.length === 0) return out;
  const victim = prng.pick(answered);
  const outcome = victim.outcome as NonNullable<Operation["outcome"]>;
  const changed = prng.chance(0.25)
    ? { ...outcome, succeeded: !outcome.succeeded, found: [] }
    : {
        ...outcome,
        found: outcome.found.map((value) => (value === undefined ? value : prng.below(8))),
      };
  out[out.indexOf(victim)] = { ...victim, outcome: changed };
  return out;
}

test("the checker and the definition agree on 10,000 small histories, half of them broken", () => {
  const tally = { good: 0, wrong: 0 };
  for (let seed = 0; seed < 10_000; seed++) {
    const prng = new Prng(0x11ea, seed);
    const plain = goodHistory(prng);
    const history = seed % 2 === 0 ? plain : broken(plain, prng);
    const expected = naivelyLinearizable(history);
    const verdict = checkLinearizability(history, { stepsMax: 1_000_000 });
    const text = history.map(describeOperation).join("\n");
    assert.equal(verdict.kind, expected ? "linearizable" : "violation", `seed ${seed}\n${text}`);
    if (seed % 2 === 0) assert.equal(expected, true, `seed ${seed}\n${text}`);
    tally[expected ? "good" : "wrong"]++;
  }
  // The broken half must be broken in earnest, or the agreement would mean nothing.
  assert.ok(tally.wrong > 2500, JSON.stringify(tally));
});

test("a search beyond its bound is undecided, never fine", () => {
  const history: Operation[] = Array.from({ length: 12 }, (_, i) => ({
    client: i,
    called: i,
    returned: 100 + i,
    compares: [],
    success: [{ kind: "put", key: 0, value: i + 1 }],
    failure: [],
    outcome: { succeeded: true, found: [i === 0 ? 99 : undefined] },
  }));
  assert.equal(checkLinearizability(history, { stepsMax: 1000 }).kind, "undecided");
  assert.equal(checkLinearizability(history, { stepsMax: 10_000_000 }).kind, "violation");
});
