// Which mutants one run hunts: all, those that are named, or one part of so many. The parts share nothing and
// leave nothing out, so whoever takes the next part each time has hunted all after a while.

import type { Mutant } from "./mutant.ts";

/** `words` are names, or `--part K/N`: every Nth mutant from the Kth on. K counts on beyond N, from the first again. */
export function chosenOf(mutants: readonly Mutant[], words: readonly string[]): readonly Mutant[] {
  const [first, part = ""] = words;
  if (first !== "--part") {
    return mutants.filter(({ name }) => words.length === 0 || words.includes(name));
  }
  const [, place, count] = /^(\d+)\/(\d+)$/.exec(part) ?? [];
  const step = Number(count ?? 0);
  return mutants.filter((_, at) => at % step === Number(place) % step);
}

/** `--seconds-each S` among the words: how long each may be hunted. */
export function limitOf(words: readonly string[]): {
  readonly wanted: readonly string[];
  readonly secondsEach: number | undefined;
} {
  const at = words.indexOf("--seconds-each");
  if (at < 0) return { wanted: words, secondsEach: undefined };
  const seconds = Number(words[at + 1]);
  if (!(seconds > 0)) throw new Error("--seconds-each wants a number of seconds");
  return { wanted: words.filter((_, i) => i !== at && i !== at + 1), secondsEach: seconds };
}
