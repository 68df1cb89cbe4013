// The slips: for one node of the syntax tree, what a hand might have written instead.

import type { AnyNode, Expression } from "acorn";

export interface Edit {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export function editsOf(node: AnyNode, parents: readonly AnyNode[], source: string): Edit[] {
  const of = (one: { start: number; end: number }) => source.slice(one.start, one.end);
  const instead = (kind: string, one: { start: number; end: number }, text: string): Edit => ({
    kind,
    start: one.start,
    end: one.end,
    text,
  });
  const parent = parents[0];
  switch (node.type) {
    case "BinaryExpression":
    case "LogicalExpression": {
      const { left, right, operator } = node;
      if (operator === "+" && (isText(left) || isText(right))) return [];
      const sign = between(left, right, operator);
      return (otherOperators[operator] ?? []).map((other) => instead("operator", sign, other));
    }
    case "AssignmentExpression": {
      const other = otherOperators[node.operator] ?? [];
      const sign = between(node.left, node.right, node.operator);
      return other.map((one) => instead("operator", sign, one));
    }
    case "UpdateExpression": {
      const start = node.prefix ? node.start : node.end - 2;
      const other = node.operator === "++" ? "--" : "++";
      return [instead("operator", { start, end: start + 2 }, other)];
    }
    case "UnaryExpression":
      if (node.operator !== "!" && node.operator !== "-") return [];
      return [instead("operator", { start: node.start, end: node.start + 1 }, "")];
    case "IfStatement": {
      const edits = conditions(node.test);
      if (node.alternate == null) return edits;
      const from = node.consequent.end;
      return [...edits, { kind: "else removed", start: from, end: node.alternate.end, text: "" }];
    }
    case "ConditionalExpression":
      return conditions(node.test);
    case "WhileStatement":
      return [instead("condition", node.test, "false")];
    case "ForStatement":
      return node.test == null ? [] : [instead("condition", node.test, "false")];
    case "ForOfStatement":
      return [instead("no rounds", node.right, "[]")];
    case "ExpressionStatement":
      if ("directive" in node && node.directive !== undefined) return [];
      if (isSuperCall(node.expression) || isAssertion(node.expression)) return [];
      return isAllOfAnIf(node, parents) ? [] : [instead("statement removed", node, ";")];
    case "BreakStatement":
    case "ContinueStatement":
      return isAllOfAnIf(node, parents) ? [] : [instead("statement removed", node, ";")];
    case "ReturnStatement":
      if (node.argument != null || isAllOfAnIf(node, parents)) return [];
      return [instead("statement removed", node, ";")];
    case "SwitchCase": {
      const [first] = node.consequent;
      const last = node.consequent.at(-1);
      if (first === undefined || last === undefined || isLoneBreak(node.consequent)) return [];
      return [{ kind: "case emptied", start: first.start, end: last.end, text: "break;" }];
    }
    case "BlockStatement": {
      if (node.body.length === 0 || parent === undefined) return [];
      const isBody = /Function/.test(parent.type);
      const isCleanUp = parent.type === "CatchClause" || isFinally(parent, node);
      if (!(isBody || isCleanUp) || node.body.some(isSuperStatement)) return [];
      // A body of one statement would be the same edit twice.
      const [only] = node.body;
      if (node.body.length === 1 && only?.type === "ExpressionStatement") return [];
      return [instead(isBody ? "body emptied" : "catch emptied", node, "{}")];
    }
    case "Literal": {
      if (isKey(node, parent)) return [];
      if (typeof node.value === "boolean") return [instead("constant", node, `${!node.value}`)];
      if (typeof node.value === "number") {
        return otherNumbers(node.value).map((text) => instead("constant", node, text));
      }
      if (typeof node.value === "bigint") {
        return otherNumbers(Number(node.value)).map((text) =>
          instead("constant", node, `${text}n`),
        );
      }
      return [];
    }
    case "MemberExpression": {
      if (!node.optional) return [];
      const sign = between(node.object, node.property, "?.");
      return [instead("optional chaining", sign, node.computed ? "" : ".")];
    }
    case "CallExpression": {
      const edits: Edit[] = [];
      const { arguments: args, callee } = node;
      for (const [index, one] of args.entries()) {
        const next = args[index + 1];
        if (next === undefined || one.type !== next.type || !isPlain(one)) continue;
        if (isSymmetric(callee)) continue;
        const text = `${of(next)}, ${of(one)}`;
        edits.push({ kind: "arguments swapped", start: one.start, end: next.end, text });
      }
      if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return edits;
      const other = otherMethods[callee.property.name];
      if (other !== undefined) edits.push(instead("method", callee.property, other));
      if (needless.has(callee.property.name)) {
        edits.push(instead("call left out", node, of(callee.object)));
      }
      return edits;
    }
    default:
      return [];
  }

  /** Where the sign stands between two nodes. */
  function between(left: AnyNode, right: AnyNode, sign: string): { start: number; end: number } {
    const start = source.indexOf(sign, left.end);
    if (start < 0 || start >= right.start) throw new Error(`no ${sign} after ${of(left)}`);
    return { start, end: start + sign.length };
  }

  function conditions(test: Expression): Edit[] {
    return [instead("condition", test, "true"), instead("condition", test, "false")];
  }
}

const otherOperators: Record<string, readonly string[]> = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "&&": ["||"],
  "||": ["&&"],
  "??": ["&&"],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
  "&": ["|"],
  "|": ["&"],
  "^": ["&"],
  "+=": ["-="],
  "-=": ["+="],
  "*=": ["/="],
  "|=": ["&="],
  "&=": ["|="],
  "^=": ["|="],
  "??=": ["="],
};

const otherMethods: Record<string, string> = {
  some: "every",
  every: "some",
  min: "max",
  max: "min",
  push: "unshift",
  shift: "pop",
  pop: "shift",
};

/** Methods whose result is like what they are called on. */
const needless = new Set(["filter", "sort", "toSorted", "reverse", "toReversed"]);

/** By one where a number counts; a large one is a measure, and must at least not be nothing. */
function otherNumbers(value: number): string[] {
  if (value === 0) return ["1"];
  return value <= 64 ? [`${value + 1}`, `${value - 1}`] : ["0"];
}

function isText(node: AnyNode): boolean {
  return (
    node.type === "TemplateLiteral" || (node.type === "Literal" && typeof node.value === "string")
  );
}

function isSuperCall(node: AnyNode): boolean {
  return node.type === "CallExpression" && node.callee.type === "Super";
}

function isAssertion(node: AnyNode): boolean {
  if (node.type !== "CallExpression" || node.callee.type !== "Identifier") return false;
  return node.callee.name === "assert";
}

function isSuperStatement(node: AnyNode): boolean {
  return node.type === "ExpressionStatement" && isSuperCall(node.expression);
}

/** Removed, it would be the same as a condition that never holds, or as no `else`. */
function isAllOfAnIf(node: AnyNode, [parent, grandparent]: readonly AnyNode[]): boolean {
  if (parent?.type === "IfStatement") return parent.alternate == null || parent.alternate === node;
  if (parent?.type !== "BlockStatement" || parent.body.length > 1) return false;
  return grandparent !== undefined && isAllOfAnIf(parent, [grandparent]);
}

function isLoneBreak(statements: readonly AnyNode[]): boolean {
  return statements.length === 1 && statements[0]?.type === "BreakStatement";
}

function isFinally(parent: AnyNode, node: AnyNode): boolean {
  return parent.type === "TryStatement" && parent.finalizer === node;
}

function isKey(node: AnyNode, parent: AnyNode | undefined): boolean {
  return parent?.type === "Property" && parent.key === node;
}

function isSymmetric(callee: AnyNode): boolean {
  if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return false;
  return callee.property.name === "min" || callee.property.name === "max";
}

/** What might as well be the other argument by its looks. */
function isPlain(node: AnyNode): boolean {
  return node.type === "Identifier" || node.type === "MemberExpression";
}
