// Member ids: 16 hexadecimal digits within, an unsigned 64-bit number on etcd's wire.

export function idOf(hex: string): bigint {
  return BigInt(`0x${hex}`);
}

export function hexOf(id: bigint): string {
  return id.toString(16).padStart(16, "0");
}
