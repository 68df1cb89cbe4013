// A counted B+tree over byte-string keys. A key's value is a number: the row of its newest version,
// negative when that version is a tombstone (such a key stays until compaction removes it). Every
// node knows how many live keys lie below it, so that a count costs a descent, not a walk; leaves
// are linked, so that a limited range touches only what it returns.
//
// Longer than most files here because a descent, its insertion, its removal and its rebalancing
// share the path they walked.

import type { Key } from "../contract.ts";

const fanoutMax = 64;
/** Below this a node looks for a sibling to merge with. */
const fanoutMin = 16;
const mergedMax = 48;

class Node {
  /** Leaf: its keys. Branch: `keys[i]` bounds child i (below) from child i + 1 (at or above). */
  keys: Key[] = [];
  /** Leaf only; beside `keys`. */
  heads: number[] = [];
  /** Branch only; one more than `keys`. */
  children: Node[] | undefined = undefined;
  live = 0;
  next: Node | undefined = undefined;
  previous: Node | undefined = undefined;
}

export type KeyVisitor = (key: Key, head: number) => boolean;

export class KeyTree {
  #root = new Node();
  #size = 0;
  // The path of the last `locate`: branches with the child taken, then leaf and place.
  #path: Node[] = [];
  #slots: number[] = [];
  #leaf: Node = this.#root;
  #place = 0;
  #located: Key | undefined;
  #found = false;

  /** Keys in the tree, tombstones included. */
  get size(): number {
    return this.#size;
  }

  get live(): number {
    return this.#root.live;
  }

  /** The head of `key`, 0 when absent. */
  find(key: Key): number {
    const leaf = this.#leafOf(key);
    const place = lowerBound(leaf.keys, key);
    return leaf.keys[place] === key ? leaf.heads[place]! : 0;
  }

  /** As `find`; `assign` may follow, before anything else changes the tree. */
  locate(key: Key): number {
    this.#path.length = 0;
    this.#slots.length = 0;
    let node = this.#root;
    while (node.children !== undefined) {
      const slot = upperBound(node.keys, key);
      this.#path.push(node);
      this.#slots.push(slot);
      node = node.children[slot]!;
    }
    this.#leaf = node;
    this.#place = lowerBound(node.keys, key);
    this.#located = key;
    this.#found = node.keys[this.#place] === key;
    return this.#found ? node.heads[this.#place]! : 0;
  }

  /** Sets the head of the key just located, inserting it when it was absent. */
  assign(head: number): void {
    if (this.#located === undefined) throw new Error("assign without locate");
    const key = this.#located;
    const leaf = this.#leaf;
    const before = this.#found ? leaf.heads[this.#place]! : 0;
    this.#addLive((head > 0 ? 1 : 0) - (before > 0 ? 1 : 0));
    this.#located = undefined;
    if (this.#found) {
      leaf.heads[this.#place] = head;
      return;
    }
    this.#size++;
    if (leaf.keys.length < fanoutMax) {
      insertAt(leaf.keys, this.#place, key);
      insertAt(leaf.heads, this.#place, head);
      return;
    }
    this.#splitLeaf(leaf, key, head);
  }

  delete(key: Key): void {
    const head = this.locate(key);
    this.#located = undefined;
    if (!this.#found) return;
    this.#addLive(head > 0 ? -1 : 0);
    this.#leaf.keys.splice(this.#place, 1);
    this.#leaf.heads.splice(this.#place, 1);
    this.#size--;
    this.#rebalance(this.#leaf);
  }

  /** Live keys in [start, end); an `end` of undefined is open. */
  countLive(start: Key, end: Key | undefined): number {
    if (end !== undefined && end <= start) return 0;
    return (end === undefined ? this.#root.live : this.#liveBefore(end)) - this.#liveBefore(start);
  }

  /** Visits [start, end) in ascending order, tombstones included, until the visitor says false. */
  ascend(start: Key, end: Key | undefined, visit: KeyVisitor): void {
    let leaf: Node | undefined = this.#leafOf(start);
    let place = lowerBound(leaf.keys, start);
    while (leaf !== undefined) {
      for (; place < leaf.keys.length; place++) {
        const key = leaf.keys[place]!;
        if (end !== undefined && key >= end) return;
        if (!visit(key, leaf.heads[place]!)) return;
      }
      leaf = leaf.next;
      place = 0;
    }
  }

  descend(start: Key, end: Key | undefined, visit: KeyVisitor): void {
    let leaf: Node | undefined = end === undefined ? this.#lastLeaf() : this.#leafOf(end);
    let place = (end === undefined ? leaf.keys.length : lowerBound(leaf.keys, end)) - 1;
    while (leaf !== undefined) {
      for (; place >= 0; place--) {
        const key = leaf.keys[place]!;
        if (key < start) return;
        if (!visit(key, leaf.heads[place]!)) return;
      }
      leaf = leaf.previous;
      place = leaf === undefined ? 0 : leaf.keys.length - 1;
    }
  }

  /** Throws when the order, the counts or the links are wrong. For tests. */
  checkInvariants(): void {
    const leaves: Node[] = [];
    const visit = (node: Node, low: Key | undefined, high: Key | undefined): number => {
      for (let i = 0; i < node.keys.length; i++) {
        const key = node.keys[i]!;
        const inside = (low === undefined || key >= low) && (high === undefined || key < high);
        if (!inside || (i > 0 && key <= node.keys[i - 1]!))
          throw new Error(`key ${i} out of order`);
      }
      if (node.keys.length > fanoutMax) throw new Error("node too large");
      let live = 0;
      if (node.children === undefined) {
        leaves.push(node);
        for (const head of node.heads) if (head > 0) live++;
      } else {
        if (node.children.length !== node.keys.length + 1) throw new Error("children and keys");
        node.children.forEach((child, i) => {
          live += visit(child, i === 0 ? low : node.keys[i - 1], node.keys[i] ?? high);
        });
      }
      if (live !== node.live) throw new Error(`live is ${node.live}, should be ${live}`);
      return live;
    };
    visit(this.#root, undefined, undefined);
    leaves.forEach((leaf, i) => {
      if (leaf.next !== leaves[i + 1] || leaf.previous !== leaves[i - 1]) throw new Error("links");
    });
    const size = leaves.reduce((sum, leaf) => sum + leaf.keys.length, 0);
    if (size !== this.#size) throw new Error(`size is ${this.#size}, should be ${size}`);
  }

  #leafOf(key: Key): Node {
    let node = this.#root;
    while (node.children !== undefined) node = node.children[upperBound(node.keys, key)]!;
    return node;
  }

  #lastLeaf(): Node {
    let node = this.#root;
    while (node.children !== undefined) node = node.children[node.children.length - 1]!;
    return node;
  }

  #liveBefore(key: Key): number {
    let live = 0;
    let node = this.#root;
    while (node.children !== undefined) {
      const slot = upperBound(node.keys, key);
      for (let i = 0; i < slot; i++) live += node.children[i]!.live;
      node = node.children[slot]!;
    }
    const place = lowerBound(node.keys, key);
    for (let i = 0; i < place; i++) if (node.heads[i]! > 0) live++;
    return live;
  }

  #addLive(difference: number): void {
    if (difference === 0) return;
    this.#leaf.live += difference;
    for (const node of this.#path) node.live += difference;
  }

  /** A leaf filled from the right keeps what it has: ascending keys leave full leaves behind. */
  #splitLeaf(leaf: Node, key: Key, head: number): void {
    const appending = leaf.next === undefined && this.#place === leaf.keys.length;
    const middle = appending ? leaf.keys.length : leaf.keys.length >>> 1;
    const right = new Node();
    right.keys = leaf.keys.splice(middle);
    right.heads = leaf.heads.splice(middle);
    const target = this.#place < middle || (this.#place === middle && !appending) ? leaf : right;
    const place = target === leaf ? this.#place : this.#place - middle;
    insertAt(target.keys, place, key);
    insertAt(target.heads, place, head);
    right.live = countLiveHeads(right.heads);
    leaf.live -= right.live;
    right.next = leaf.next;
    if (right.next !== undefined) right.next.previous = right;
    right.previous = leaf;
    leaf.next = right;
    this.#insertChild(right, right.keys[0]!);
  }

  /** Hangs `right` behind the child that was descended into, splitting branches upwards. */
  #insertChild(right: Node, bound: Key): void {
    let child = right;
    let childBound = bound;
    for (let depth = this.#path.length - 1; depth >= 0; depth--) {
      const branch = this.#path[depth]!;
      const children = branch.children!;
      const slot = this.#slots[depth]!;
      const appending = slot === children.length - 1;
      insertAt(branch.keys, slot, childBound);
      insertAt(children, slot + 1, child);
      if (branch.keys.length < fanoutMax) return;
      const middle = appending ? branch.keys.length - 2 : branch.keys.length >>> 1;
      const sibling = new Node();
      childBound = branch.keys[middle]!;
      sibling.keys = branch.keys.splice(middle + 1);
      branch.keys.length = middle;
      sibling.children = children.splice(middle + 1);
      for (const moved of sibling.children) sibling.live += moved.live;
      branch.live -= sibling.live;
      child = sibling;
    }
    const root = new Node();
    root.keys = [childBound];
    root.children = [this.#root, child];
    root.live = this.#root.live + child.live;
    this.#root = root;
  }

  #rebalance(from: Node): void {
    let node = from;
    for (let depth = this.#path.length - 1; depth >= 0; depth--) {
      const size = sizeOf(node);
      if (size >= fanoutMin) break;
      const parent = this.#path[depth]!;
      const children = parent.children!;
      const slot = this.#slots[depth]!;
      if (size === 0) {
        unlink(node);
        removeChild(parent, slot);
      } else {
        const right = children[slot + 1];
        const left = children[slot - 1];
        if (right !== undefined && size + sizeOf(right) <= mergedMax) {
          mergeInto(node, right, parent.keys[slot]!);
          removeChild(parent, slot + 1);
        } else if (left !== undefined && size + sizeOf(left) <= mergedMax) {
          mergeInto(left, node, parent.keys[slot - 1]!);
          removeChild(parent, slot);
        }
      }
      node = parent;
    }
    while (this.#root.children !== undefined && this.#root.children.length <= 1) {
      this.#root = this.#root.children[0] ?? new Node();
    }
  }
}

function sizeOf(node: Node): number {
  return node.children === undefined ? node.keys.length : node.children.length;
}

function unlink(node: Node): void {
  if (node.children !== undefined) return;
  if (node.previous !== undefined) node.previous.next = node.next;
  if (node.next !== undefined) node.next.previous = node.previous;
}

function removeChild(parent: Node, slot: number): void {
  parent.children!.splice(slot, 1);
  parent.keys.splice(Math.max(slot - 1, 0), 1);
}

function mergeInto(left: Node, right: Node, bound: Key): void {
  left.live += right.live;
  if (left.children !== undefined) {
    left.keys.push(bound, ...right.keys);
    left.children.push(...right.children!);
    return;
  }
  left.keys.push(...right.keys);
  left.heads.push(...right.heads);
  unlink(right);
}

function countLiveHeads(heads: readonly number[]): number {
  let live = 0;
  for (const head of heads) if (head > 0) live++;
  return live;
}

function insertAt<T>(list: T[], place: number, item: T): void {
  if (place === list.length) list.push(item);
  else list.splice(place, 0, item);
}

/** The first place whose key is >= `key`. */
function lowerBound(keys: readonly Key[], key: Key): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first place whose key is > `key`. */
function upperBound(keys: readonly Key[], key: Key): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
