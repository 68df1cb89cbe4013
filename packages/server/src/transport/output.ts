// Encodes messages for sending. One scratch writer serves the process; small messages are copied out of it
// into pooled memory, large ones take its memory with them, so that megabytes are written once.

import { Writer } from "@althing/wire";
import { framePrefixBytes } from "./grpc-frame.ts";

const surrenderBytes = 64 * 1024;
const scratch = new Writer(16 * 1024, (size) => Buffer.allocUnsafeSlow(size));

/** A gRPC frame: prefix and message. */
export function encodeFrame<Response>(
  encode: (writer: Writer, response: Response) => void,
  response: Response,
): Buffer {
  scratch.reset();
  encode(scratch, response);
  const length = scratch.size;
  const at = scratch.reserve(framePrefixBytes);
  const bytes = scratch.bytes;
  bytes[at] = 0;
  bytes[at + 1] = length >>> 24;
  bytes[at + 2] = length >>> 16;
  bytes[at + 3] = length >>> 8;
  bytes[at + 4] = length;
  const size = scratch.size;
  if (size > surrenderBytes) return scratch.surrender() as Buffer;
  const frame = Buffer.allocUnsafe(size);
  frame.set(bytes.subarray(at), 0);
  return frame;
}
