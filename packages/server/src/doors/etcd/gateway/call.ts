// One call that came as JSON, answered with one object or with a line per message. Like a call of gRPC it ends
// once, whatever the handler, the client and the deadline do; a reader that falls too far behind is cut off.

import type { EtcdMessageName } from "@althing/wire";
import {
  armDeadline,
  backlogBytesMax,
  type Caller,
  type GrpcMethod,
  type GrpcStatus,
  grpcStatus,
  type HttpStreamReply,
  type MessageInParts,
  type MethodCounters,
  overloaded,
  type Piece,
  type StreamCall,
  type UnaryCall,
} from "../../../transport/index.ts";
import { runInSteps } from "../steps.ts";
import { errorLine, refuse } from "./errors.ts";
import { jsonFromMessage, PiecewiseJson } from "./json.ts";
import type { GatewayMetadata } from "./metadata.ts";

const headers = {
  "Content-Type": "application/json",
  "Grpc-Metadata-Content-Type": "application/grpc",
};

const inPieces = new Set<EtcdMessageName>([
  "RangeResponse",
  "LeaseTimeToLiveResponse",
  "LeaseLeasesResponse",
]);

export class GatewayCall implements UnaryCall<unknown>, StreamCall<unknown> {
  cancelled = false;
  /** Only where the pieces of an answer are its fields: those of a txn lie deeper. */
  readonly respondEncoded?: (parts: readonly Uint8Array[]) => void;
  private readonly method: GrpcMethod;
  private readonly counted: MethodCounters;
  private readonly responseName: EtcdMessageName;
  private readonly given: GatewayMetadata;
  private readonly reply: HttpStreamReply;
  private readonly deadline: NodeJS.Timeout | undefined;
  private hasStarted = false;
  private begun = false;
  private ended = false;
  private cancelListeners: (() => void)[] = [];

  constructor(
    method: GrpcMethod,
    counted: MethodCounters,
    responseName: EtcdMessageName,
    given: GatewayMetadata,
    reply: HttpStreamReply,
  ) {
    this.method = method;
    this.counted = counted;
    this.responseName = responseName;
    this.given = given;
    this.reply = reply;
    if (inPieces.has(responseName)) this.respondEncoded = (parts) => this.respondInSteps(parts);
    reply.onCancel(() => this.cancel());
    if (typeof given.timeoutMs !== "number") return;
    this.deadline = armDeadline(given.timeoutMs, () => {
      this.fail(grpcStatus.deadlineExceeded, "context deadline exceeded");
      this.cancel();
    });
  }

  get caller(): Caller {
    return this.given.caller;
  }

  /** What could not be read never became a call. */
  countStarted(): void {
    if (this.hasStarted) return;
    this.hasStarted = true;
    this.counted.started++;
  }

  countReceived(): void {
    this.countStarted();
    this.counted.received++;
  }

  get isEnded(): boolean {
    return this.ended;
  }

  /** A stream ends only when somebody ends it. */
  get isLong(): boolean {
    return this.method.kind !== "unary" && !this.ended;
  }

  charge(bytes: number): boolean {
    return this.reply.charge(bytes);
  }

  release(bytes: number): void {
    this.reply.release(bytes);
  }

  metadata(name: string): string | undefined {
    return this.given.get(name);
  }

  onCancel(listener: () => void): void {
    if (this.cancelled) listener();
    else this.cancelListeners.push(listener);
  }

  respond(response: unknown): void {
    if (this.ended) return;
    let text: string;
    try {
      text = this.json(response);
    } catch (error) {
      // No text is that long: the client hears of it, and the log of why.
      this.fail(grpcStatus.internal, "internal error");
      throw error;
    }
    this.counted.sent++;
    this.finish(grpcStatus.ok);
    this.reply.respond(200, headers, text);
  }

  /**
   * A piece at a time, so that heartbeats go on leaving. What it came from is charged already; the texts, and the
   * one that they become, are charged before they are held.
   */
  private respondInSteps(parts: readonly Uint8Array[]): void {
    const json = new PiecewiseJson(this.responseName);
    let next = 0;
    const hasRoom = (bytes: number) => {
      if (this.charge(bytes)) return true;
      this.fail(grpcStatus.resourceExhausted, overloaded);
      return false;
    };
    const step = () => {
      if (this.ended) return false;
      const part = parts[next++];
      if (part !== undefined) {
        const before = json.bytes;
        json.push(part);
        return hasRoom(json.bytes - before);
      }
      if (!hasRoom(json.bytes)) return false;
      this.counted.sent++;
      this.finish(grpcStatus.ok);
      this.reply.respond(200, headers, Buffer.concat(json.finish()));
      return false;
    };
    // No text is that long.
    runInSteps(step, () => this.fail(grpcStatus.internal, "internal error"));
  }

  send(response: unknown): boolean {
    if (this.ended) return false;
    const line = `{"result":${this.json(response)}}\n`;
    return this.sendPiece(line, line.length);
  }

  /** Its text is made and sent part by part as well: it is never in one piece. */
  beginMessage(): MessageInParts {
    const json = new PiecewiseJson(this.responseName);
    let charged = 0;
    const drop = () => {
      this.release(charged);
      charged = 0;
    };
    return {
      add: (part) => {
        if (this.ended) return false;
        const before = json.bytes;
        json.push(part);
        const grown = json.bytes - before;
        if (this.charge(grown)) {
          charged += grown;
          return true;
        }
        this.cutOff(overloaded);
        return false;
      },
      send: () => {
        if (this.ended) return false;
        drop();
        const [before, after] = [Buffer.from('{"result":'), Buffer.from("}\n")];
        return this.sendPiece([before, ...json.finish(), after], json.bytes);
      },
      drop,
    };
  }

  private sendPiece(piece: Piece, bytes: number): boolean {
    if (this.reply.backlogBytes + bytes > backlogBytesMax) {
      this.cutOff("the reader is too slow: its backlog is full");
      return false;
    }
    this.counted.sent++;
    this.begin();
    return this.reply.write(piece);
  }

  private cutOff(why: string): void {
    this.fail(grpcStatus.resourceExhausted, why);
    this.reply.abort();
    this.cancel();
  }

  onDrain(listener: () => void): void {
    this.reply.onDrain(listener);
  }

  get backlogBytes(): number {
    return this.reply.backlogBytes;
  }

  end(): void {
    if (this.ended) return;
    this.finish(grpcStatus.ok);
    this.begin();
    this.reply.end();
  }

  fail(status: GrpcStatus, message: string): void {
    if (this.ended) return;
    this.finish(status);
    if (!this.begun) refuse(this.reply, status, message);
    else {
      this.reply.write(errorLine(status, message));
      this.reply.end();
    }
  }

  /** The client is gone, or the gateway gives up in its name. */
  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    if (!this.ended) this.finish(grpcStatus.cancelled);
    const listeners = this.cancelListeners;
    this.cancelListeners = [];
    for (const listener of listeners) listener();
  }

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.reply.begin(200, headers);
  }

  private finish(status: GrpcStatus): void {
    this.ended = true;
    if (this.hasStarted) this.counted.handled[status]!++;
    if (this.deadline !== undefined) clearTimeout(this.deadline);
  }

  private json(response: unknown): string {
    return jsonFromMessage(this.responseName, this.method.encode, response);
  }
}
