// The requests of one call, as its body brings them: one object for most methods, any number for watches and
// keep-alives. As in etcd what is wrong with the first is refused, what is wrong later ends the requests.

import { type RpcSpec, WireError } from "@althing/wire";
import {
  type BidiReceiver,
  type GrpcMethod,
  grpcStatus,
  type HttpReceiver,
  httpBodyBytesMax,
  overloaded,
} from "../../../transport/index.ts";
import type { GatewayCall } from "./call.ts";
import { JsonSequence, messageFromJson } from "./json.ts";

const serverStopped = "etcdserver: server stopped";

export class GatewayRequest implements HttpReceiver {
  private readonly rpc: RpcSpec;
  private readonly method: GrpcMethod;
  private readonly call: GatewayCall;
  private readonly observe: (error: unknown) => void;
  private readonly sequence = new JsonSequence(httpBodyBytesMax);
  private receiver: BidiReceiver<unknown> | undefined;
  private chargedBytes = 0;
  private hasBegun = false;
  private isComplete = false;

  constructor(
    rpc: RpcSpec,
    method: GrpcMethod,
    call: GatewayCall,
    observe: (error: unknown) => void,
  ) {
    this.rpc = rpc;
    this.method = method;
    this.call = call;
    this.observe = observe;
  }

  data(bytes: Uint8Array): void {
    if (this.isOver) return;
    this.guarded(() => {
      for (const object of this.sequence.push(bytes)) if (!this.isOver) this.take(object);
    });
    this.settle();
  }

  ended(): void {
    if (this.isOver) return;
    this.guarded(() => {
      const rest = this.sequence.rest();
      if (rest.startsWith("{") || rest.startsWith("[")) {
        throw new WireError("jsonInvalid", "unexpected EOF");
      }
      if (rest !== "" || (!this.hasBegun && this.method.kind !== "bidi")) this.take(rest || "{}");
      this.halfClose();
    });
  }

  closing(): void {
    if (!this.call.isLong) return;
    this.call.fail(grpcStatus.unavailable, serverStopped);
    this.call.cancel();
  }

  /** What waits for its end is charged to the call. */
  private settle(): void {
    if (this.isOver) return;
    const grown = this.sequence.heldBytes - this.chargedBytes;
    if (grown > 0 && !this.call.charge(grown)) {
      this.isComplete = true;
      this.call.fail(grpcStatus.resourceExhausted, overloaded);
      this.call.cancel();
      return;
    }
    if (grown < 0) this.call.release(-grown);
    this.chargedBytes += grown;
  }

  private get isOver(): boolean {
    return this.isComplete || this.call.isEnded;
  }

  private take(text: string): void {
    const { method, call } = this;
    const bytes = messageFromJson(this.rpc.request, text);
    this.hasBegun = true;
    call.countReceived();
    if (method.kind === "bidi") {
      this.receiver ??= method.open(call);
      this.receiver.message(method.decode(bytes));
      return;
    }
    this.isComplete = true;
    // The decoded request fits this very method's handler: both come from one object.
    if (method.kind === "unary") method.handle(method.decode(bytes), call);
    else method.handle(method.decode(bytes), call);
  }

  private halfClose(): void {
    if (this.isOver) return;
    this.isComplete = true;
    if (this.method.kind === "bidi") {
      this.call.countStarted();
      this.receiver ??= this.method.open(this.call);
      this.receiver.halfClosed();
    }
  }

  private guarded(run: () => void): void {
    const { call } = this;
    try {
      run();
    } catch (error) {
      if (!(error instanceof WireError)) {
        this.isComplete = true;
        this.observe(error);
        call.fail(grpcStatus.internal, "internal error");
        call.cancel();
      } else if (this.hasBegun) this.halfClose();
      else {
        this.isComplete = true;
        const isBidi = this.method.kind === "bidi";
        call.fail(isBidi ? grpcStatus.unknown : grpcStatus.invalidArgument, error.message);
      }
    }
  }
}
