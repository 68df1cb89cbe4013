// A connection from when it is accepted until it has said enough to tell how it is to be served. It is handed on in
// its turn: a thousand may come at once, and each costs a parser, or signatures, before it has asked for anything.

import type { Socket } from "node:net";
import type { Account } from "./budget.ts";
import { inTurn } from "./turn-share.ts";

export interface Newcomer {
  readonly socket: Socket;
  /** Charged for what came and was not handed on. */
  readonly account: Account;
  /** How long it may be silent, and what happens to it then. */
  readonly silenceMs: number;
  silent(socket: Socket): void;
}

const preface = Buffer.from("PRI");
const handshakeRecord = 22;
const recordHeaderBytes = 5;
const recordBytesMax = 16 * 1024;

/** Opens with HTTP/2's preface. */
export function isHttp2(first: Buffer): boolean {
  return first.subarray(0, preface.length).equals(preface);
}

/** Whether it is clear if it does. */
export function tellsProtocol(first: Buffer): boolean {
  return first.length >= preface.length || !preface.subarray(0, first.length).equals(first);
}

/** Whether a TLS hello is whole, or what came is none: until then there is nothing to do for TLS. */
export function isHelloWhole(first: Buffer): boolean {
  if (first[0] !== handshakeRecord || first.length > recordBytesMax) return true;
  return (
    first.length >= recordHeaderBytes && first.length - recordHeaderBytes >= first.readUInt16BE(3)
  );
}

/** The socket is paused when it is handed on. */
export function whenFirstBytes(
  { socket, account, silenceMs, silent }: Newcomer,
  areEnough: (first: Buffer) => boolean,
  ready: (first: Buffer) => void,
): void {
  let first: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => silent(socket), silenceMs);
  const closed = () => clearTimeout(timer);
  const take = (chunk: Buffer) => {
    first = first.length === 0 ? chunk : Buffer.concat([first, chunk]);
    account.take(chunk.length);
    if (!areEnough(first)) return;
    clearTimeout(timer);
    socket.pause();
    socket.off("data", take);
    socket.off("close", closed);
    inTurn(() => {
      account.release(first.length);
      if (!socket.destroyed) ready(first);
    });
  };
  socket.on("data", take);
  socket.on("close", closed);
}
