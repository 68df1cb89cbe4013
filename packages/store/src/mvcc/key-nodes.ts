// The nodes of the key tree as rows of typed arrays: a node is a number, its entries lie side by
// side. An entry is a key's address, its hint (what tells it from its neighbours, so that a search
// rarely reads keys) and a value: in a leaf the key's head, in a branch a child, whose lower bound
// the key is. The first child of a branch has no bound.

import type { KeyAddress } from "./key-pool.ts";

/** 0 is none. */
export type NodeId = number;

export const entriesMax = 64;
const entryBits = 6;
const nodeBits = 8;
const nodesPerChunk = 1 << nodeBits;
const nodeMask = nodesPerChunk - 1;
const firstNodes = 4;

export interface NodeChunk {
  readonly capacity: number;
  readonly hints: Float64Array;
  readonly keys: Uint32Array;
  readonly values: Int32Array;
  readonly count: Uint8Array;
  readonly isBranch: Uint8Array;
  /** Leading bytes that all keys of the node share. Its hints begin there. */
  readonly prefix: Uint32Array;
  /** Live keys at or below the node. */
  readonly live: Uint32Array;
  /** Leaves only. */
  readonly next: Uint32Array;
  readonly previous: Uint32Array;
}

export class KeyNodes {
  // Only the first chunk grows, so that a small store stays small.
  readonly #chunks: NodeChunk[] = [createChunk(firstNodes)];
  readonly #free: NodeId[] = [];
  #next = 1;

  chunk(node: NodeId): NodeChunk {
    return this.#chunks[node >>> nodeBits]!;
  }

  create(isBranch: boolean): NodeId {
    const node = this.#free.pop() ?? this.#next++;
    const place = node >>> nodeBits;
    const chunk = this.#chunks[place];
    if (chunk === undefined) this.#chunks.push(createChunk(nodesPerChunk));
    else if ((node & nodeMask) >= chunk.capacity) this.#chunks[place] = grow(chunk);
    const { count, isBranch: branch, prefix, live, next, previous } = this.#chunks[place]!;
    const row = node & nodeMask;
    count[row] = prefix[row] = live[row] = next[row] = previous[row] = 0;
    branch[row] = isBranch ? 1 : 0;
    return node;
  }

  release(node: NodeId): void {
    this.#free.push(node);
  }

  isBranch(node: NodeId): boolean {
    return this.chunk(node).isBranch[node & nodeMask] === 1;
  }
  count(node: NodeId): number {
    return this.chunk(node).count[node & nodeMask]!;
  }
  prefix(node: NodeId): number {
    return this.chunk(node).prefix[node & nodeMask]!;
  }
  setPrefix(node: NodeId, prefix: number): void {
    this.chunk(node).prefix[node & nodeMask] = prefix;
  }
  live(node: NodeId): number {
    return this.chunk(node).live[node & nodeMask]!;
  }
  addLive(node: NodeId, difference: number): void {
    this.chunk(node).live[node & nodeMask]! += difference;
  }
  next(node: NodeId): NodeId {
    return this.chunk(node).next[node & nodeMask]!;
  }
  previous(node: NodeId): NodeId {
    return this.chunk(node).previous[node & nodeMask]!;
  }
  link(left: NodeId, right: NodeId): void {
    if (left !== 0) this.chunk(left).next[left & nodeMask] = right;
    if (right !== 0) this.chunk(right).previous[right & nodeMask] = left;
  }

  key(node: NodeId, place: number): KeyAddress {
    return this.chunk(node).keys[entryOf(node, place)]!;
  }
  setKey(node: NodeId, place: number, key: KeyAddress): void {
    this.chunk(node).keys[entryOf(node, place)] = key;
  }
  value(node: NodeId, place: number): number {
    return this.chunk(node).values[entryOf(node, place)]!;
  }
  setValue(node: NodeId, place: number, value: number): void {
    this.chunk(node).values[entryOf(node, place)] = value;
  }
  setHint(node: NodeId, place: number, hint: number): void {
    this.chunk(node).hints[entryOf(node, place)] = hint;
  }

  /** Makes room at `place`; the node must not be full. Key, hint and value are set afterwards. */
  open(node: NodeId, place: number): void {
    const { count, hints, keys, values } = this.chunk(node);
    const row = node & nodeMask;
    const at = entryOf(node, place);
    const end = entryOf(node, count[row]!++);
    // Quicker than three calls of `copyWithin` for so few.
    for (let i = end; i > at; i--) {
      hints[i] = hints[i - 1]!;
      keys[i] = keys[i - 1]!;
      values[i] = values[i - 1]!;
    }
  }

  remove(node: NodeId, place: number): void {
    const { count, hints, keys, values } = this.chunk(node);
    const row = node & nodeMask;
    const at = entryOf(node, place);
    const end = entryOf(node, count[row]!--);
    hints.copyWithin(at, at + 1, end);
    keys.copyWithin(at, at + 1, end);
    values.copyWithin(at, at + 1, end);
  }

  /** Moves the entries from `place` on to the end of `to`. Their hints are the caller's to renew. */
  move(from: NodeId, place: number, to: NodeId): void {
    const source = this.chunk(from);
    const target = this.chunk(to);
    const start = entryOf(from, place);
    const end = entryOf(from, source.count[from & nodeMask]!);
    const at = entryOf(to, target.count[to & nodeMask]!);
    for (let i = start; i < end; i++) {
      target.keys[at + i - start] = source.keys[i]!;
      target.values[at + i - start] = source.values[i]!;
    }
    target.count[to & nodeMask]! += end - start;
    source.count[from & nodeMask] = place;
  }
}

/** Index of a node in the arrays of its chunk that have one number for each. */
export function rowOf(node: NodeId): number {
  return node & nodeMask;
}

/** Index of an entry in the arrays of its node's chunk. */
export function entryOf(node: NodeId, place: number): number {
  return ((node & nodeMask) << entryBits) + place;
}

function createChunk(capacity: number): NodeChunk {
  return {
    capacity,
    hints: new Float64Array(capacity * entriesMax),
    keys: new Uint32Array(capacity * entriesMax),
    values: new Int32Array(capacity * entriesMax),
    count: new Uint8Array(capacity),
    isBranch: new Uint8Array(capacity),
    prefix: new Uint32Array(capacity),
    live: new Uint32Array(capacity),
    next: new Uint32Array(capacity),
    previous: new Uint32Array(capacity),
  };
}

function grow(from: NodeChunk): NodeChunk {
  const to = createChunk(from.capacity * 2);
  to.hints.set(from.hints);
  to.keys.set(from.keys);
  to.values.set(from.values);
  to.count.set(from.count);
  to.isBranch.set(from.isBranch);
  to.prefix.set(from.prefix);
  to.live.set(from.live);
  to.next.set(from.next);
  to.previous.set(from.previous);
  return to;
}
