// What comes in on a connection, as fast as it may be taken: a turn of the loop is shared with other connections
// (../turn-share.ts), and a peer that does not read what it asked for is not listened to.

import type { Socket } from "node:net";
import type { Account } from "../budget.ts";
import { awaitShare, isShareSpent, type Sharer } from "../turn-share.ts";

export class Inbox implements Sharer {
  private readonly socket: Socket;
  private readonly account: Account;
  /** Returns what is left of the chunk when the share was used up meanwhile. */
  private readonly take: (chunk: Buffer, nowMs: number) => Buffer | undefined;
  /** What came when this turn's share was used up; charged. */
  private readonly putOff: Buffer[] = [];
  private isHeld = false;

  constructor(
    socket: Socket,
    account: Account,
    take: (chunk: Buffer, nowMs: number) => Buffer | undefined,
  ) {
    this.socket = socket;
    this.account = account;
    this.take = take;
  }

  receive(chunk: Buffer): void {
    const nowMs = performance.now();
    if (this.putOff.length > 0) {
      this.putOff.push(chunk);
      this.account.take(chunk.length);
      return;
    }
    const left = isShareSpent(nowMs) ? chunk : this.take(chunk, nowMs);
    if (left === undefined) return;
    this.putOff.push(left);
    this.account.take(left.length);
    this.socket.pause();
    awaitShare(this);
  }

  catchUp(): boolean {
    for (let chunk = this.putOff[0]; chunk !== undefined; chunk = this.putOff[0]) {
      const nowMs = performance.now();
      if (isShareSpent(nowMs)) return false;
      this.putOff.shift();
      const left = this.take(chunk, nowMs);
      this.account.release(chunk.length - (left?.length ?? 0));
      if (left === undefined) continue;
      this.putOff.unshift(left);
      return false;
    }
    if (!this.isHeld) this.socket.resume();
    return true;
  }

  /** Until `release` nothing more is read. */
  hold(): void {
    if (this.isHeld) return;
    this.isHeld = true;
    this.socket.pause();
  }

  release(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    if (this.putOff.length === 0) this.socket.resume();
  }
}
