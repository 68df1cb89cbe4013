// A command and for whom it is: the user, and the revision of the auth state by which the door took it.
// Both are judged again when the command is applied, so that what the log says before it counts.
//
//   authorized = kind, user, auth revision, the command (the rest)

import { ByteReader, ByteWriter, MalformedBytes } from "@althing/bytes";
import { commandNumbers } from "../command/numbers.ts";
import type { AuthCaller } from "../contract.ts";

export interface Authorized {
  readonly caller: AuthCaller;
  readonly command: Uint8Array;
}

const head = new ByteWriter();

/** `command` as `encodeCommand` made it. */
export function authorizeCommand(caller: AuthCaller, command: Uint8Array): Uint8Array {
  head.reset();
  head.u8(commandNumbers.authorized);
  head.byteString(caller.user);
  head.varint(caller.authRevision);
  const bytes = new Uint8Array(head.length + command.length);
  bytes.set(head.written());
  bytes.set(command, head.length);
  return bytes;
}

export function isAuthorized(bytes: Uint8Array): boolean {
  return bytes[0] === commandNumbers.authorized;
}

/** Undefined when the bytes cannot be read. */
export function openAuthorized(bytes: Uint8Array): Authorized | undefined {
  try {
    const reader = new ByteReader(bytes, 1);
    const user = reader.byteString();
    const authRevision = reader.varint();
    return { caller: { user, authRevision }, command: reader.raw(reader.end - reader.at) };
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}
