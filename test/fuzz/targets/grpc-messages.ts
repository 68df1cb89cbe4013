// gRPC's framing of messages in a stream. However a stream is cut into chunks, the same messages come out of it and
// the same is refused; what is held back is never more than twice what was received.

import { deepStrictEqual } from "node:assert/strict";
import { decodeTxnRequest, WireError } from "@althing/wire";
import {
  encodeGrpcMessage,
  isGrpcContentType,
  parseGrpcTimeout,
} from "../../../packages/server/src/transport/grpc-headers.ts";
import { MessageAssembler } from "../../../packages/server/src/transport/message-assembler.ts";
import { accepted, PropertyBroken, type Target } from "../target.ts";

const messageBytesMax = 1000;

function framed(...messages: readonly string[]): Buffer {
  const parts = messages.map((message) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    return Buffer.concat([head, Buffer.from(message)]);
  });
  return Buffer.concat(parts);
}

export const target: Target = {
  name: "grpc-messages",
  seeds: () => [
    framed("one", "", "three"),
    framed("x".repeat(700)),
    Buffer.from([1, 0, 0, 0, 1, 7]),
    Buffer.from("10S"),
  ],
  run(input) {
    const text = input.toString("latin1");
    const timeout = parseGrpcTimeout(text);
    if (timeout !== undefined && !(timeout >= 0 && timeout < 1e12))
      throw new PropertyBroken(`a timeout of ${timeout}`);
    isGrpcContentType(text);
    if (/[^ -~]/.test(encodeGrpcMessage(text)))
      throw new PropertyBroken("a status text that no header may hold");
    const whole = messagesOf(input, input.length);
    deepStrictEqual(messagesOf(input, 1), whole);
    deepStrictEqual(messagesOf(input, 7), whole);
    for (const message of whole.messages) {
      accepted(
        () => decodeTxnRequest(Buffer.from(message, "latin1")),
        (error) => error instanceof WireError,
      );
    }
  },
};

function messagesOf(
  stream: Buffer,
  chunkBytes: number,
): { messages: string[]; refused: number | undefined } {
  const messages: string[] = [];
  let refused: number | undefined;
  const assembler = new MessageAssembler(messageBytesMax, {
    message(bytes) {
      if (refused !== undefined) throw new PropertyBroken("a message after the refusal");
      if (bytes.length > messageBytesMax) throw new PropertyBroken("a message beyond the limit");
      messages.push(Buffer.from(bytes).toString("latin1"));
    },
    refused(status) {
      if (refused !== undefined) throw new PropertyBroken("refused twice");
      refused = status;
    },
  });
  for (let at = 0; at < stream.length; at += chunkBytes) {
    const end = Math.min(stream.length, at + chunkBytes);
    assembler.push(stream, at, end);
    if (assembler.heldBytes > 256 + 2 * end)
      throw new PropertyBroken(`holds ${assembler.heldBytes} of ${end} bytes`);
  }
  return { messages, refused };
}
