// A counted B+tree over byte strings. A key's value is a number: the row of its newest version,
// negative when that version is a tombstone (such a key stays until compaction removes it). Every
// node knows how many live keys lie below it, so that a count costs a descent, not a walk; leaves
// are linked, so that a limited range touches only what it returns. Nodes and keys are numbers into
// typed arrays: the collector sees a handful of objects, however many keys there are.
//
// Longer than most files here because a descent, its insertion, its removal and its rebalancing
// share the path they walked.

import { writeByteString } from "@althing/bytes";
import type { Key } from "../contract.ts";
import { entriesMax, entryOf, KeyNodes, type NodeId, rowOf } from "./key-nodes.ts";
import { hintOf, type KeyAddress, KeyPool } from "./key-pool.ts";

/** Below this a node looks for a sibling to merge with. */
const entriesMin = 16;
const mergedMax = 48;

/** Return false to stop. `tree.key(address)` is the key. */
export type KeyVisitor = (head: number, address: KeyAddress) => boolean;

/** Returns the new head of a live key, whose bytes are given where they lie. */
export type HeadReplacer = (head: number, bytes: Uint8Array, start: number, end: number) => number;

export class KeyTree {
  readonly #pool = new KeyPool();
  readonly #nodes = new KeyNodes();
  #root: NodeId = this.#nodes.create(false);
  #size = 0;
  // The key looked for, as bytes.
  #bytes: Uint8Array = new Uint8Array(256);
  #start = 0;
  #end = 0;
  /** Holds keys that came as strings. */
  #own = this.#bytes;
  /** Whether the last search in a node met the key itself. */
  #equal = false;
  // The path of the last `locate`: branches with the child taken, then leaf and place.
  readonly #path: NodeId[] = [];
  readonly #slots: number[] = [];
  #depth = 0;
  #leaf: NodeId = this.#root;
  #place = 0;
  #located = false;

  /** Keys in the tree, tombstones included. */
  get size(): number {
    return this.#size;
  }

  get live(): number {
    return this.#nodes.live(this.#root);
  }

  /** Allocated for keys, those that bound branches included. */
  get keyBytes(): number {
    return this.#pool.bytes;
  }

  key(address: KeyAddress): Key {
    return this.#pool.key(address);
  }

  keyLength(address: KeyAddress): number {
    return this.#pool.length(address);
  }

  /** The head of `key`, 0 when absent. */
  find(key: Key): number {
    this.#use(key);
    return this.#find();
  }

  findBytes(bytes: Uint8Array, start: number, end: number): number {
    this.#useBytes(bytes, start, end);
    return this.#find();
  }

  /** As `find`; `assign` may follow, before anything else touches the tree. */
  locate(key: Key): number {
    this.#use(key);
    return this.#locate();
  }

  /** The bytes must stay as they are until `assign`. */
  locateBytes(bytes: Uint8Array, start: number, end: number): number {
    this.#useBytes(bytes, start, end);
    return this.#locate();
  }

  /** Sets the head of the key just located, inserting it when it was absent. */
  assign(head: number): void {
    if (!this.#located) throw new Error("assign without locate");
    this.#located = false;
    const nodes = this.#nodes;
    const leaf = this.#leaf;
    const before = this.#equal ? nodes.value(leaf, this.#place) : 0;
    this.#addLive((head > 0 ? 1 : 0) - (before > 0 ? 1 : 0));
    if (this.#equal) {
      nodes.setValue(leaf, this.#place, head);
      return;
    }
    this.#size++;
    this.#insert(this.#pool.add(this.#bytes, this.#start, this.#end), head);
  }

  delete(key: Key): void {
    this.#use(key);
    const head = this.#locate();
    this.#located = false;
    if (!this.#equal) return;
    this.#addLive(head > 0 ? -1 : 0);
    this.#pool.free(this.#nodes.key(this.#leaf, this.#place));
    this.#nodes.remove(this.#leaf, this.#place);
    this.#size--;
    this.#rebalance();
  }

  /** Live keys in [start, end); an `end` of undefined is open. */
  countLive(start: Key, end: Key | undefined): number {
    if (end !== undefined && end <= start) return 0;
    return (end === undefined ? this.live : this.#liveBefore(end)) - this.#liveBefore(start);
  }

  /** Visits [start, end) in ascending order, tombstones included, until the visitor says false. */
  ascend(start: Key, end: Key | undefined, visit: KeyVisitor): void {
    if (end !== undefined && end <= start) return;
    const nodes = this.#nodes;
    const last = end === undefined ? undefined : this.#position(end);
    const first = this.#position(start);
    let { place } = first;
    for (let leaf = first.leaf; leaf !== 0; leaf = nodes.next(leaf)) {
      const stop = leaf === last?.leaf ? last.place : nodes.count(leaf);
      for (; place < stop; place++) {
        if (!visit(nodes.value(leaf, place), nodes.key(leaf, place))) return;
      }
      if (leaf === last?.leaf) return;
      place = 0;
    }
  }

  /**
   * Gives each live key of [start, end) another head, in ascending order. Keys stay where they are, so
   * that it takes one descent for each leaf and no string for each key. `replace` must not use the tree.
   */
  replaceLive(start: Key, end: Key | undefined, replace: HeadReplacer): void {
    if (end !== undefined && end <= start) return;
    const nodes = this.#nodes;
    const pool = this.#pool;
    const last = end === undefined ? undefined : this.#position(end);
    let { leaf, place } = this.#position(start);
    for (; leaf !== 0; leaf = nodes.next(leaf), place = 0) {
      const stop = leaf === last?.leaf ? last.place : nodes.count(leaf);
      let died = 0;
      let address: KeyAddress = 0;
      for (; place < stop; place++) {
        const head = nodes.value(leaf, place);
        if (head <= 0) continue;
        address = nodes.key(leaf, place);
        const keyStart = pool.start(address);
        const keyEnd = keyStart + pool.length(address);
        const next = replace(head, pool.slab(address), keyStart, keyEnd);
        nodes.setValue(leaf, place, next);
        if (next <= 0) died++;
      }
      if (died > 0) {
        const keyStart = pool.start(address);
        this.#useBytes(pool.slab(address), keyStart, keyStart + pool.length(address));
        this.#locate();
        this.#located = false;
        this.#addLive(-died);
      }
      if (leaf === last?.leaf) return;
    }
  }

  descend(start: Key, end: Key | undefined, visit: KeyVisitor): void {
    if (end !== undefined && end <= start) return;
    const nodes = this.#nodes;
    const first = this.#position(start);
    const last = end === undefined ? this.#lastPosition() : this.#position(end);
    let place = last.place - 1;
    for (let leaf = last.leaf; ; ) {
      const stop = leaf === first.leaf ? first.place : 0;
      for (; place >= stop; place--) {
        if (!visit(nodes.value(leaf, place), nodes.key(leaf, place))) return;
      }
      if (leaf === first.leaf) return;
      leaf = nodes.previous(leaf);
      place = nodes.count(leaf) - 1;
    }
  }

  /** Throws when the order, the counts, the hints or the links are wrong. For tests. */
  checkInvariants(): void {
    const nodes = this.#nodes;
    const leaves: NodeId[] = [];
    const visit = (node: NodeId, low: Key | undefined, high: Key | undefined): number => {
      const isBranch = nodes.isBranch(node);
      const first = isBranch ? 1 : 0;
      const count = nodes.count(node);
      const keys: Key[] = [];
      for (let i = first; i < count; i++) keys.push(this.key(nodes.key(node, i)));
      keys.forEach((key, i) => {
        const inside = (low === undefined || key >= low) && (high === undefined || key < high);
        if (!inside || (i > 0 && key <= keys[i - 1]!)) throw new Error(`key ${i} out of order`);
        const prefix = nodes.prefix(node);
        if (key.slice(0, prefix) !== keys[0]!.slice(0, prefix) || key.length < prefix) {
          throw new Error(`key ${i} does not share the prefix`);
        }
        const hint = this.#pool.hint(nodes.key(node, first + i), prefix);
        if (nodes.chunk(node).hints[entryOf(node, first + i)] !== hint) {
          throw new Error(`hint ${i} is wrong`);
        }
      });
      let live = 0;
      if (!isBranch) {
        leaves.push(node);
        for (let i = 0; i < count; i++) if (nodes.value(node, i) > 0) live++;
      } else {
        for (let i = 0; i < count; i++) {
          live += visit(nodes.value(node, i), i === 0 ? low : keys[i - 1], keys[i] ?? high);
        }
      }
      if (live !== nodes.live(node)) throw new Error(`live is ${nodes.live(node)}, not ${live}`);
      return live;
    };
    visit(this.#root, undefined, undefined);
    leaves.forEach((leaf, i) => {
      const neighbours = [nodes.previous(leaf), nodes.next(leaf)];
      if (neighbours[0] !== (leaves[i - 1] ?? 0) || neighbours[1] !== (leaves[i + 1] ?? 0)) {
        throw new Error("links");
      }
    });
    const size = leaves.reduce((sum, leaf) => sum + nodes.count(leaf), 0);
    if (size !== this.#size) throw new Error(`size is ${this.#size}, should be ${size}`);
  }

  #use(key: Key): void {
    if (key.length > this.#own.length) this.#own = new Uint8Array(key.length * 2);
    this.#useBytes(this.#own, 0, writeByteString(key, this.#own, 0));
  }

  #useBytes(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  #find(): number {
    const nodes = this.#nodes;
    let node = this.#root;
    while (nodes.isBranch(node)) node = nodes.value(node, this.#childFor(node));
    const place = this.#search(node, 0);
    return this.#equal ? nodes.value(node, place) : 0;
  }

  #locate(): number {
    const nodes = this.#nodes;
    this.#depth = 0;
    let node = this.#root;
    while (nodes.isBranch(node)) {
      const slot = this.#childFor(node);
      this.#path[this.#depth] = node;
      this.#slots[this.#depth++] = slot;
      node = nodes.value(node, slot);
    }
    this.#leaf = node;
    this.#place = this.#search(node, 0);
    this.#located = true;
    return this.#equal ? nodes.value(node, this.#place) : 0;
  }

  #position(key: Key): { leaf: NodeId; place: number } {
    this.#use(key);
    const nodes = this.#nodes;
    let leaf = this.#root;
    while (nodes.isBranch(leaf)) leaf = nodes.value(leaf, this.#childFor(leaf));
    return { leaf, place: this.#search(leaf, 0) };
  }

  #lastPosition(): { leaf: NodeId; place: number } {
    const nodes = this.#nodes;
    let leaf = this.#root;
    while (nodes.isBranch(leaf)) leaf = nodes.value(leaf, nodes.count(leaf) - 1);
    return { leaf, place: nodes.count(leaf) };
  }

  #childFor(branch: NodeId): number {
    const place = this.#search(branch, 1);
    return this.#equal ? place : place - 1;
  }

  /**
   * The first place from `first` on whose key is not below the one looked for. Hints decide; keys
   * are read where hints are equal, and once to see that the key has the node's prefix. That comes
   * last: meeting the key itself proves it.
   */
  #search(node: NodeId, first: number): number {
    const bytes = this.#bytes;
    const start = this.#start;
    const end = this.#end;
    const chunk = this.#nodes.chunk(node);
    const { hints, keys } = chunk;
    const prefix = chunk.prefix[rowOf(node)]!;
    const base = entryOf(node, 0);
    const count = chunk.count[rowOf(node)]!;
    const hint = hintOf(bytes, start + prefix, end);
    this.#equal = false;
    // Keys often come in ascending order.
    let low = count > first && hint > hints[base + count - 1]! ? count : first;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = hints[base + middle]!;
      if (found < hint) low = middle + 1;
      else if (found > hint) high = middle;
      else {
        const order = this.#pool.compare(keys[base + middle]!, bytes, start, end);
        if (order === 0) {
          this.#equal = true;
          return middle;
        }
        if (order < 0) low = middle + 1;
        else high = middle;
      }
    }
    if (prefix === 0 || count === first) return low;
    const witness = keys[base + first]!;
    const shared = this.#pool.shared(witness, bytes, start, end, prefix);
    if (shared === prefix) return low;
    return this.#pool.compare(witness, bytes, start, end) > 0 ? first : count;
  }

  #liveBefore(key: Key): number {
    this.#use(key);
    const nodes = this.#nodes;
    let live = 0;
    let node = this.#root;
    while (nodes.isBranch(node)) {
      const slot = this.#childFor(node);
      for (let i = 0; i < slot; i++) live += nodes.live(nodes.value(node, i));
      node = nodes.value(node, slot);
    }
    const place = this.#search(node, 0);
    for (let i = 0; i < place; i++) if (nodes.value(node, i) > 0) live++;
    return live;
  }

  #addLive(difference: number): void {
    if (difference === 0) return;
    this.#nodes.addLive(this.#leaf, difference);
    for (let i = 0; i < this.#depth; i++) this.#nodes.addLive(this.#path[i]!, difference);
  }

  /** Inserts into the leaf located; what splits passes its right half to the branch above. */
  #insert(leafKey: KeyAddress, head: number): void {
    const nodes = this.#nodes;
    let node = this.#leaf;
    let place = this.#place;
    let key = leafKey;
    let value = head;
    for (let depth = this.#depth; ; ) {
      if (nodes.count(node) < entriesMax) {
        this.#insertEntry(node, place, key, value);
        return;
      }
      const right = this.#split(node, place, key, value);
      key = right.bound;
      value = right.node;
      if (depth === 0) {
        this.#growRoot(key, value);
        return;
      }
      node = this.#path[--depth]!;
      place = this.#slots[depth]! + 1;
    }
  }

  /** A node filled from its end keeps what it has: ascending keys leave full nodes behind. */
  #split(
    node: NodeId,
    place: number,
    key: KeyAddress,
    value: number,
  ): { node: NodeId; bound: KeyAddress } {
    const nodes = this.#nodes;
    const isBranch = nodes.isBranch(node);
    const appending = place === entriesMax && nodes.next(node) === 0;
    const middle = appending ? entriesMax : entriesMax >>> 1;
    const right = nodes.create(isBranch);
    nodes.move(node, middle, right);
    const intoRight = place > middle || appending;
    const target = intoRight ? right : node;
    const targetPlace = intoRight ? place - middle : place;
    nodes.open(target, targetPlace);
    nodes.setKey(target, targetPlace, key);
    nodes.setValue(target, targetPlace, value);
    let live = 0;
    for (let i = 0; i < nodes.count(right); i++) {
      const held = nodes.value(right, i);
      live += isBranch ? nodes.live(held) : held > 0 ? 1 : 0;
    }
    nodes.addLive(right, live);
    nodes.addLive(node, -live);
    if (!isBranch) {
      nodes.link(right, nodes.next(node));
      nodes.link(node, right);
    }
    // A leaf's first key stays there: its bound must outlive it.
    const bound = isBranch ? nodes.key(right, 0) : this.#pool.copy(nodes.key(right, 0));
    this.#renewHints(node);
    this.#renewHints(right);
    return { node: right, bound };
  }

  #growRoot(bound: KeyAddress, right: NodeId): void {
    const nodes = this.#nodes;
    const root = nodes.create(true);
    nodes.open(root, 0);
    nodes.setValue(root, 0, this.#root);
    nodes.addLive(root, nodes.live(this.#root) + nodes.live(right));
    this.#root = root;
    this.#insertEntry(root, 1, bound, right);
  }

  #insertEntry(node: NodeId, place: number, key: KeyAddress, value: number): void {
    const nodes = this.#nodes;
    const first = nodes.isBranch(node) ? 1 : 0;
    nodes.open(node, place);
    nodes.setKey(node, place, key);
    nodes.setValue(node, place, value);
    const count = nodes.count(node);
    const prefix = nodes.prefix(node);
    const witness = nodes.key(node, place === first && count - first > 1 ? first + 1 : first);
    // A prefix may have become longer, too: looked at now and then, as the node fills.
    const renew = count === 8 || count === 24 || this.#pool.sharedBetween(witness, key) < prefix;
    if (renew) this.#renewHints(node);
    else nodes.setHint(node, place, this.#pool.hint(key, prefix));
  }

  #renewHints(node: NodeId): void {
    const nodes = this.#nodes;
    const first = nodes.isBranch(node) ? 1 : 0;
    const count = nodes.count(node);
    // Of sorted keys the first and the last share what all share.
    const prefix =
      count - first < 2
        ? 0
        : this.#pool.sharedBetween(nodes.key(node, first), nodes.key(node, count - 1));
    nodes.setPrefix(node, prefix);
    for (let i = first; i < count; i++) {
      nodes.setHint(node, i, this.#pool.hint(nodes.key(node, i), prefix));
    }
  }

  #rebalance(): void {
    const nodes = this.#nodes;
    let node = this.#leaf;
    for (let depth = this.#depth - 1; depth >= 0; depth--) {
      const size = nodes.count(node);
      if (size >= entriesMin) break;
      const parent = this.#path[depth]!;
      const slot = this.#slots[depth]!;
      const right = slot + 1 < nodes.count(parent) ? nodes.value(parent, slot + 1) : 0;
      const left = slot > 0 ? nodes.value(parent, slot - 1) : 0;
      if (size === 0) this.#removeChild(parent, slot);
      else if (right !== 0 && size + nodes.count(right) <= mergedMax) {
        this.#mergeRight(node, right, parent, slot + 1);
      } else if (left !== 0 && size + nodes.count(left) <= mergedMax) {
        this.#mergeRight(left, node, parent, slot);
      }
      node = parent;
    }
    while (nodes.isBranch(this.#root) && nodes.count(this.#root) <= 1) {
      const root = this.#root;
      this.#root = nodes.count(root) === 1 ? nodes.value(root, 0) : nodes.create(false);
      nodes.release(root);
    }
  }

  /** `rightSlot` is the place of `right` in its parent. */
  #mergeRight(left: NodeId, right: NodeId, parent: NodeId, rightSlot: number): void {
    const nodes = this.#nodes;
    if (nodes.isBranch(right)) {
      // The bound of the right node becomes that of its first child.
      nodes.setKey(right, 0, this.#pool.copy(nodes.key(parent, rightSlot)));
    }
    nodes.addLive(left, nodes.live(right));
    nodes.move(right, 0, left);
    this.#renewHints(left);
    this.#removeChild(parent, rightSlot);
  }

  /** Takes an empty node out of its parent. */
  #removeChild(parent: NodeId, slot: number): void {
    const nodes = this.#nodes;
    const child = nodes.value(parent, slot);
    if (!nodes.isBranch(child)) nodes.link(nodes.previous(child), nodes.next(child));
    nodes.release(child);
    // The first child has no bound; what becomes the first loses its own.
    const boundless = slot === 0 ? 1 : slot;
    if (boundless < nodes.count(parent)) this.#pool.free(nodes.key(parent, boundless));
    nodes.remove(parent, slot);
  }
}
