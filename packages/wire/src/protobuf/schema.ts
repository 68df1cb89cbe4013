// How a protobuf schema is written down as data, and the TypeScript types that follow from it.
// A field is `[number, type]`, `[number, type, "repeated"]` or `[number, type, "oneof:<group>"]`.
// "int64" and "uint64" are JavaScript numbers (revisions, counts, sizes: below 2^53 in practice, rounded
// beyond it); "bigInt64" and "bigUint64" are the same on the wire and bigints here (ids must be exact).

export type FieldSpec = readonly [number: number, type: string, label?: string];
export type MessageSpec = { readonly [field: string]: FieldSpec };
export type EnumSpec = { readonly [name: string]: number };
export interface Schema {
  readonly messages: { readonly [name: string]: MessageSpec };
  readonly enums: { readonly [name: string]: EnumSpec };
}

interface ScalarTypes {
  bool: boolean;
  int32: number;
  uint32: number;
  int64: number;
  uint64: number;
  bigInt64: bigint;
  bigUint64: bigint;
  string: string;
  bytes: Uint8Array;
}

type Decoded<S extends Schema, T> = T extends keyof ScalarTypes
  ? ScalarTypes[T]
  : T extends keyof S["enums"]
    ? number
    : T extends keyof S["messages"]
      ? MessageOf<S, T>
      : never;

type FieldOf<S extends Schema, F> = F extends readonly [number, infer T, "repeated"]
  ? readonly Decoded<S, T>[]
  : F extends readonly [number, infer T, string]
    ? Decoded<S, T> | undefined
    : F extends readonly [number, infer T]
      ? T extends keyof S["messages"]
        ? MessageOf<S, T> | undefined
        : Decoded<S, T>
      : never;

/** A decoded message: every field present, an absent message or oneof member undefined. */
export type MessageOf<S extends Schema, N extends keyof S["messages"]> = {
  readonly [F in keyof S["messages"][N]]: FieldOf<S, S["messages"][N][F]>;
};

type Encodable<S extends Schema, T> = T extends keyof S["messages"]
  ? MessageInit<S, T>
  : Decoded<S, T>;

/** What may be encoded: any field may be left out. */
export type MessageInit<S extends Schema, N extends keyof S["messages"]> = {
  readonly [F in keyof S["messages"][N]]?:
    | (S["messages"][N][F] extends readonly [number, infer T, "repeated"]
        ? readonly Encodable<S, T>[]
        : S["messages"][N][F] extends readonly [number, infer T, ...unknown[]]
          ? Encodable<S, T>
          : never)
    | undefined;
};
