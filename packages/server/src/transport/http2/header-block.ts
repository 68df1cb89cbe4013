// A header block that comes in several frames, HEADERS and CONTINUATION, until it is whole. What is collected
// is bounded, charged to the connection, and has to be finished in time: a block that is not whole keeps the
// whole connection from saying anything else.

import type { Chargeable } from "../budget.ts";
import { ConnectionFault, errorCode } from "./codes.ts";

const blockBytesMax = 64 * 1024;

export class HeaderBlock {
  readonly streamId: number;
  readonly flags: number;
  readonly sinceMs: number;
  bytes = Buffer.alloc(0);
  private readonly account: Chargeable;

  /** `flags`: those of HEADERS. */
  constructor(account: Chargeable, streamId: number, flags: number, sinceMs: number) {
    this.account = account;
    this.streamId = streamId;
    this.flags = flags;
    this.sinceMs = sinceMs;
  }

  add(bytes: Buffer, start: number, end: number): void {
    if (this.bytes.length + end - start > blockBytesMax) {
      throw new ConnectionFault(errorCode.enhanceYourCalm, "a header block that is too large");
    }
    if (!this.account.charge(end - start)) {
      throw new ConnectionFault(errorCode.enhanceYourCalm, "no room for a header block");
    }
    this.bytes = Buffer.concat([this.bytes, bytes.subarray(start, end)]);
  }

  release(): void {
    this.account.release(this.bytes.length);
  }
}
