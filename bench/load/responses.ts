// Fields of a protobuf message as a generator needs them: walked in place, without a value being made for
// what is not asked for. Valid until the visitor returns.

/** `value` is the varint, or of a length-delimited field where its bytes begin. */
export type FieldVisitor = (field: number, value: number, end: number) => void;

export function eachField(bytes: Uint8Array, visit: FieldVisitor): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("a message ends within a number");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = tag >>> 3;
    if ((tag & 7) === 0) visit(number, varint(), at);
    else if ((tag & 7) === 2) {
      const length = varint();
      visit(number, at, at + length);
      at += length;
    } else throw new Error(`a field of wire type ${tag & 7} in an answer of etcd's API`);
  }
}
