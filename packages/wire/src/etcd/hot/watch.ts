// WatchResponse.

import type { Writer } from "../../protobuf/writer.ts";
import { writeHeader } from "./header.ts";
import { type WireKeyValue, writeKeyValue } from "./key-value.ts";

export interface WireEvent {
  readonly type: "put" | "delete";
  readonly kv: WireKeyValue;
  readonly prevKv: WireKeyValue | undefined;
}

export interface WatchResponseMessage {
  readonly revision: number;
  readonly watchId: bigint;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: number;
  readonly cancelReason: string;
  readonly fragment: boolean;
  readonly events: readonly WireEvent[];
}

export function encodeWatchResponse(
  writer: Writer,
  ids: Uint8Array,
  raftTerm: number,
  message: WatchResponseMessage,
): void {
  encodeWatchEvents(writer, message.events);
  writer.boolField(0x38, message.fragment);
  if (message.cancelReason !== "") {
    writer.text(message.cancelReason);
    writer.tag(0x32);
  }
  writer.uintField(0x28, message.compactRevision);
  writer.boolField(0x20, message.canceled);
  writer.boolField(0x18, message.created);
  writer.bigField(0x10, message.watchId);
  writeHeader(writer, ids, message.revision, raftTerm);
}

/** The events of a response, or some of them: behind a response without any they are part of it. */
export function encodeWatchEvents(writer: Writer, events: readonly WireEvent[]): void {
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i]!;
    const mark = writer.mark();
    if (event.prevKv !== undefined) writeKeyValue(writer, 0x1a, event.prevKv);
    writeKeyValue(writer, 0x12, event.kv);
    writer.uintField(0x08, event.type === "delete" ? 1 : 0);
    writer.closeMessage(0x5a, mark);
  }
}
