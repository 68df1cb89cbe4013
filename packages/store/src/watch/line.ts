// A line in which everybody has a place of his own and may leave it. A set alone is no line: to find its first
// member takes longer the more have left before.

export class Line<Member> {
  readonly #members = new Set<Member>();
  #at: IterableIterator<Member> | undefined;

  get size(): number {
    return this.#members.size;
  }

  has(member: Member): boolean {
    return this.#members.has(member);
  }

  /** At the end, unless it stands in the line. */
  add(member: Member): void {
    this.#members.add(member);
  }

  delete(member: Member): boolean {
    return this.#members.delete(member);
  }

  /** The first leaves the line. */
  take(): Member | undefined {
    while (this.#members.size > 0) {
      this.#at ??= this.#members.values();
      const next = this.#at.next();
      if (next.done) this.#at = undefined;
      else if (this.#members.delete(next.value)) return next.value;
    }
    return undefined;
  }
}
