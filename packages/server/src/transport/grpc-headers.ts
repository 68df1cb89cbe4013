// The textual parts of gRPC over HTTP/2: timeouts, percent-encoded status messages, method paths.

const timeoutUnitsMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Milliseconds, or undefined for a malformed value. */
export function parseGrpcTimeout(text: string): number | undefined {
  const unit = timeoutUnitsMs[text.slice(-1)];
  const digits = text.slice(0, -1);
  if (unit === undefined || !/^\d{1,8}$/.test(digits)) return undefined;
  return Number(digits) * unit;
}

/** Status messages travel in a header: everything but printable ASCII is percent-encoded UTF-8. */
export function encodeGrpcMessage(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

export function isGrpcContentType(text: string | undefined): boolean {
  if (text === undefined || !text.startsWith("application/grpc")) return false;
  const next = text.charAt("application/grpc".length);
  return next === "" || next === "+" || next === ";";
}
