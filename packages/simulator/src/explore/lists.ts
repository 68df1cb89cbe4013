// Lists of numbers that get a number themselves: equal lists the same one.

export class Lists {
  readonly #lists: (readonly number[])[] = [[]];
  readonly #numbers = new Map<string, number>([["", 0]]);
  /** By list, what comes of leaving the first out; -1 while not asked. */
  readonly #rests: number[] = [-1];
  readonly #longer = new Map<number, number>();

  at(number: number): readonly number[] {
    return this.#lists[number]!;
  }

  numberOf(list: readonly number[]): number {
    const key = list.join();
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#lists.length;
    this.#lists.push(list);
    this.#rests.push(-1);
    this.#numbers.set(key, number);
    return number;
  }

  with(number: number, item: number): number {
    // Both are far below 2^26: there are not as many lists as states.
    const key = number * 2 ** 26 + item;
    let longer = this.#longer.get(key);
    if (longer === undefined) {
      longer = this.numberOf([...this.at(number), item]);
      this.#longer.set(key, longer);
    }
    return longer;
  }

  withoutFirst(number: number): number {
    let rest = this.#rests[number]!;
    if (rest < 0) {
      rest = this.numberOf(this.at(number).slice(1));
      this.#rests[number] = rest;
    }
    return rest;
  }
}

/** The same for texts, with what they stand for. */
export class Named<Value> {
  readonly #values: Value[] = [];
  readonly #numbers = new Map<string, number>();

  at(number: number): Value {
    return this.#values[number]!;
  }

  numberOf(key: string, value: Value): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#values.length;
    this.#values.push(value);
    this.#numbers.set(key, number);
    return number;
  }
}
