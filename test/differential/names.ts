// Lease ids that a server chose differ from cluster to cluster. A sequence calls them by names that both sides
// have in common, and each side translates: the names are ids that no server chooses.

import type { Message } from "../client/protobuf.ts";

const firstName = -(10n ** 17n);

export function isChosenByServer(id: number | bigint): boolean {
  return BigInt(id) <= firstName && BigInt(id) > 2n * firstName;
}

export function nameOfChosen(number: number): bigint {
  return firstName - BigInt(number);
}

const idFields = new Set(["lease", "ID"]);

export class Names {
  readonly #actual = new Map<bigint, bigint>();
  readonly #names = new Map<bigint, bigint>();

  learn(name: bigint, actual: number | bigint): void {
    this.#actual.set(name, BigInt(actual));
    this.#names.set(BigInt(actual), name);
  }

  toServer(request: Message): Message {
    return translate(request, this.#actual) as Message;
  }

  fromServer(response: Message): Message {
    return translate(response, this.#names) as Message;
  }
}

function translate(value: unknown, names: ReadonlyMap<bigint, bigint>): unknown {
  if (Array.isArray(value)) return value.map((inner) => translate(inner, names));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const isId = idFields.has(name) && (typeof inner === "bigint" || typeof inner === "number");
      if (isId) return [name, names.get(BigInt(inner)) ?? inner];
      return [name, translate(inner, names)];
    }),
  );
}
