// Encodes messages for sending. One scratch writer serves the process; a small message is copied out of it,
// into the connection's output or into memory of its own, a large one that has to wait takes the scratch's
// memory with it, so that megabytes are not copied once more.

import { Writer } from "@althing/wire";
import { messagePrefixBytes } from "./message-assembler.ts";

const surrenderBytes = 64 * 1024;
const scratch = new Writer(16 * 1024, (size) => Buffer.allocUnsafeSlow(size));

/** Prefix and message are in `bytes` from `at` on, until the next call. */
export function encodeMessage<Response>(
  encode: (writer: Writer, response: Response) => void,
  response: Response,
): Writer {
  scratch.reset();
  encode(scratch, response);
  const length = scratch.size;
  const at = scratch.reserve(messagePrefixBytes);
  const { bytes } = scratch;
  bytes[at] = 0;
  bytes[at + 1] = length >>> 24;
  bytes[at + 2] = length >>> 16;
  bytes[at + 3] = length >>> 8;
  bytes[at + 4] = length;
  return scratch;
}

/** What was encoded last, but for its first `sent` bytes, as memory that stays. */
export function keepRest(sent: number): Uint8Array {
  if (scratch.size > surrenderBytes) return scratch.surrender().subarray(sent);
  // Not `slice`: of a Buffer it is a view, which the next message would overwrite.
  return new Uint8Array(scratch.bytes.subarray(scratch.at + sent));
}
