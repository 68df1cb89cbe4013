// How a plan failed, in words that are the same for the same bug: which property, and where in the code.

import { AssertionError } from "node:assert";
import type { Violation } from "@althing/consensus";
import { placeOfWords } from "./hunter.ts";

export interface PlanFailure {
  readonly property: string;
  readonly place: string;
  readonly detail: string;
}

/** What the command says to programs. */
export type PlanLine =
  | { readonly kind: "done"; readonly plans: number; readonly moves: number }
  | ({ readonly kind: "failed"; readonly seed: number } & PlanFailure);

export function failureOf(error: unknown): PlanFailure {
  if (!(error instanceof Error)) return { property: "thrown", place: "", detail: `${error}` };
  const [violation] = violationsOf(error);
  if (violation !== undefined) {
    const { property, detail } = violation;
    return { property, place: placeOfWords(detail), detail };
  }
  const [detail = ""] = error.message.split("\n");
  const property = error instanceof AssertionError ? placeOfWords(detail) : error.name;
  return { property, place: placeInCode(error), detail };
}

/** The cluster under test asserts that there are none. */
function violationsOf(error: Error): readonly Violation[] {
  const actual = error instanceof AssertionError ? error.actual : undefined;
  if (!Array.isArray(actual)) return [];
  return actual.filter((one): one is Violation => typeof one?.property === "string");
}

/** The first line of the stack in a core; "" where a check of the cluster says it, in words that are the same for all. */
function placeInCode({ stack = "" }: Error): string {
  const frames = [...stack.matchAll(/\/(packages\/[^\s:]+\.ts:\d+)/g)].map(([, place]) => place!);
  return frames.find((place) => !/\/assert\.ts|\/testing\//.test(place)) ?? "";
}
