// What may be planted in one source: each mutant is one small edit that a slip of the hand might make. Edits are places in the
// TypeScript as it stands, for Node's stripping of types leaves every character where it was.

import { stripTypeScriptTypes } from "node:module";
import { type AnyNode, type Node, parse } from "acorn";
import { type Edit, editsOf } from "./slips.ts";

export interface Mutant extends Edit {
  /** Stays the same while its line does, so that results outlive edits elsewhere in the file. */
  readonly id: string;
  readonly file: string;
  readonly line: number;
}

/** All mutants of one file; a few of them are no programs. */
export function plant(file: string, source: string): Mutant[] {
  const plain = stripTypeScriptTypes(source);
  const mutants: Mutant[] = [];
  const seen = new Map<string, number>();
  const lines = lineStarts(source);
  for (const { node, parents } of walk(parse(plain, parsing))) {
    if (parents.some((parent) => isLeftOut(parent as AnyNode)) || isLeftOut(node)) continue;
    for (const edit of editsOf(node, parents, plain)) {
      const line = lineOf(lines, edit.start);
      const text = source.slice(lines[line - 1], lines[line] ?? source.length).trim();
      const name = `${file}|${text}|${edit.kind}|${source.slice(edit.start, edit.end)}|${edit.text}`;
      const nth = seen.get(name) ?? 0;
      seen.set(name, nth + 1);
      mutants.push({ id: `${name}|${nth}`, file, line, ...edit });
    }
  }
  return mutants;
}

export function withMutant(source: string, { start, end, text }: Edit): string {
  return source.slice(0, start) + text + source.slice(end);
}

const parsing = { ecmaVersion: "latest", sourceType: "module" } as const;

export function isProgram(source: string): boolean {
  try {
    parse(stripTypeScriptTypes(source), parsing);
    return true;
  } catch {
    return false;
  }
}

/**
 * No mutants in here. What an assertion says never happens cannot be seen to be missing; and what is only said to people, in an
 * error or in a text, is compared by few tests and by none that it would be good to have.
 */
function isLeftOut(node: AnyNode): boolean {
  if (node.type === "TemplateLiteral" || node.type === "ThrowStatement") return true;
  if (node.type !== "CallExpression" || node.callee.type !== "Identifier") return false;
  return node.callee.name === "assert" || node.callee.name === "unreachable";
}

interface Place {
  readonly node: AnyNode;
  /** From the nearest outwards. */
  readonly parents: readonly AnyNode[];
}

function* walk(node: AnyNode, parents: readonly AnyNode[] = []): Generator<Place> {
  yield { node, parents };
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) yield* walk(child as AnyNode, [node, ...parents]);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

function lineStarts(source: string): number[] {
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) {
    starts.push(at + 1);
  }
  return starts;
}

function lineOf(starts: readonly number[], offset: number): number {
  const after = starts.findIndex((start) => start > offset);
  return after < 0 ? starts.length : after;
}
