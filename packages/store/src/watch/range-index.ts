// Ranges of keys, so arranged that those which some keys lie in are found without a look at the others: a balanced
// tree by where a range begins, and then by where it ends, in which every node knows how far the ranges beneath
// it reach. Whoever goes through the ranges may stop after any of them and go on later, whatever was added or
// removed meanwhile.

import type { Key } from "../contract.ts";

/** Beyond every key, whose units are bytes. */
export const beyondAllKeys: Key = "\u0100";

/** Half-open. */
export interface Place {
  readonly start: Key;
  readonly end: Key;
}

export interface Entry<Value> extends Place {
  readonly value: Value;
}

/** Whether a range holds what is sought. Whoever says yes to a range says yes to all that it is a part of. */
export type Meets = (start: Key, end: Key) => boolean;

/** Invariant: the heights of `left` and `right` differ by one at most, so that none is deep. */
interface Node<Value> extends Entry<Value> {
  left: Node<Value> | undefined;
  right: Node<Value> | undefined;
  height: number;
  /** Where the first range of it and beneath it begins, and where the one that reaches farthest ends. */
  first: Key;
  last: Key;
}

type Tree<Value> = Node<Value> | undefined;

export class RangeIndex<Value> {
  #root: Tree<Value>;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(place: Place): Value | undefined {
    let node = this.#root;
    while (node !== undefined) {
      const order = compare(place, node);
      if (order === 0) return node.value;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  /** It must not be there. */
  add({ start, end }: Place, value: Value): void {
    const leaf = { left: undefined, right: undefined, height: 1, first: start, last: end };
    this.#root = added(this.#root, { start, end, value, ...leaf });
    this.#size++;
  }

  /** It must be there. */
  delete(place: Place): void {
    this.#root = removed(this.#root, place);
    this.#size--;
  }

  /** The first range in order that comes after `after` and meets what is sought. */
  next(after: Place | undefined, meets: Meets): Entry<Value> | undefined {
    return nextIn(this.#root, after, meets);
  }
}

function nextIn<Value>(
  node: Tree<Value>,
  after: Place | undefined,
  meets: Meets,
): Entry<Value> | undefined {
  if (node === undefined || !meets(node.first, node.last)) return undefined;
  const order = after === undefined ? 1 : compare(node, after);
  if (order > 0) {
    const before = nextIn(node.left, after, meets);
    if (before !== undefined) return before;
    if (meets(node.start, node.end)) return node;
  }
  // All on the right of one that comes after comes after it as well.
  return nextIn(node.right, order > 0 ? undefined : after, meets);
}

function compare(a: Place, b: Place): number {
  if (a.start !== b.start) return a.start < b.start ? -1 : 1;
  if (a.end !== b.end) return a.end < b.end ? -1 : 1;
  return 0;
}

function added<Value>(tree: Tree<Value>, node: Node<Value>): Node<Value> {
  if (tree === undefined) return node;
  const order = compare(node, tree);
  if (order === 0) throw new Error("a range is added twice");
  if (order < 0) tree.left = added(tree.left, node);
  else tree.right = added(tree.right, node);
  return balanced(tree);
}

function removed<Value>(tree: Tree<Value>, place: Place): Tree<Value> {
  if (tree === undefined) throw new Error("a range that is not there is removed");
  const order = compare(place, tree);
  if (order < 0) tree.left = removed(tree.left, place);
  else if (order > 0) tree.right = removed(tree.right, place);
  else {
    const { left, right } = tree;
    if (left === undefined || right === undefined) return left ?? right;
    const heir = firstOf(right);
    heir.right = withoutFirst(right);
    heir.left = left;
    return balanced(heir);
  }
  return balanced(tree);
}

function firstOf<Value>(node: Node<Value>): Node<Value> {
  let first = node;
  while (first.left !== undefined) first = first.left;
  return first;
}

function withoutFirst<Value>(node: Node<Value>): Tree<Value> {
  if (node.left === undefined) return node.right;
  node.left = withoutFirst(node.left);
  return balanced(node);
}

/** After one was added or removed beneath it. */
function balanced<Value>(node: Node<Value>): Node<Value> {
  const lean = heightOf(node.left) - heightOf(node.right);
  if (lean > 1) {
    const left = node.left!;
    if (heightOf(left.left) < heightOf(left.right)) node.left = turnedLeft(left);
    return turnedRight(node);
  }
  if (lean < -1) {
    const right = node.right!;
    if (heightOf(right.right) < heightOf(right.left)) node.right = turnedRight(right);
    return turnedLeft(node);
  }
  return measured(node);
}

function turnedRight<Value>(node: Node<Value>): Node<Value> {
  const top = node.left!;
  node.left = top.right;
  top.right = measured(node);
  return measured(top);
}

function turnedLeft<Value>(node: Node<Value>): Node<Value> {
  const top = node.right!;
  node.right = top.left;
  top.left = measured(node);
  return measured(top);
}

function heightOf(tree: Tree<unknown>): number {
  return tree === undefined ? 0 : tree.height;
}

/** What it knows of those beneath it is made true again. */
function measured<Value>(node: Node<Value>): Node<Value> {
  const { left, right } = node;
  node.height = 1 + Math.max(heightOf(left), heightOf(right));
  node.first = left === undefined ? node.start : left.first;
  let last = node.end;
  if (left !== undefined && left.last > last) last = left.last;
  if (right !== undefined && right.last > last) last = right.last;
  node.last = last;
  return node;
}
