// Parts of messages that are encoded piece by piece.

import { Writer } from "@althing/wire";

const scratch = new Writer(64 * 1024, (size) => Buffer.allocUnsafeSlow(size));

/** As long as it is, and no longer: what is kept is what was charged. */
export function encoded(write: (writer: Writer) => void): Uint8Array {
  scratch.reset();
  write(scratch);
  return scratch.take();
}
