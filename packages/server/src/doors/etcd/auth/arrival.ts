// A client may bring its token to a member that has yet to hear of it: the call waits until the entry
// that tells of it is applied here, or for as long as that may reasonably take. Anybody can make up such
// a token, so that what waits is bounded in number and in bytes; the rest is judged at once.

import type {
  BidiMethod,
  BidiReceiver,
  CallContext,
  GrpcMethod,
  StreamCall,
  UnaryCall,
} from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import { failWith } from "../errors.ts";
import type { Access } from "./access.ts";

const waitMsMax = 3_000;
/** Of all calls together. */
const waitingMax = 1_000;
const heldBytesMax = 32 * 1024 * 1024;
/** What a request costs besides its bytes. */
const requestBytes = 1024;

/** The methods as they are, but for calls that have to wait. */
export function awaitingTokens(
  methods: readonly GrpcMethod[],
  access: Access,
  { member, store }: DoorContext,
): GrpcMethod[] {
  const waiting = new Set<{ readonly index: number; readonly resume: () => void }>();
  let stopListening: (() => void) | undefined;
  const advance = (): void => {
    for (const one of [...waiting]) if (one.index <= store.appliedIndex) one.resume();
  };
  let heldBytes = 0;
  /** False: there is no room for it. */
  const keep = (request: unknown): boolean => {
    heldBytes += sizeOf(request);
    if (heldBytes <= heldBytesMax) return true;
    heldBytes -= sizeOf(request);
    return false;
  };
  const letGo = (request: unknown): void => {
    heldBytes -= sizeOf(request);
  };
  const wait = (
    call: CallContext,
    index: number,
    resume: () => void,
    forget: () => void = () => {},
  ): void => {
    stopListening ??= member.onApplied(advance);
    const timer = setTimeout(() => one.resume(), waitMsMax);
    const one = {
      index,
      resume: () => {
        clearTimeout(timer);
        if (!waiting.delete(one)) return;
        if (waiting.size === 0) {
          stopListening?.();
          stopListening = undefined;
        }
        if (call.cancelled) forget();
        else resume();
      },
    };
    waiting.add(one);
    call.onCancel(one.resume);
  };
  /** What the call waits for; 0: it does not. */
  const awaits = (call: CallContext): number =>
    waiting.size < waitingMax ? access.awaits(call) : 0;

  const holdOrHandle = <Call extends CallContext>(
    request: unknown,
    call: Call,
    handle: (request: unknown, call: Call) => void,
  ): void => {
    const index = awaits(call);
    if (index === 0 || !keep(request)) {
      handle(request, call);
      return;
    }
    const held = copyOf(request);
    const resume = () => {
      letGo(held);
      handle(held, call);
    };
    wait(call, index, resume, () => letGo(held));
  };

  /** What the client sends meanwhile is kept; a client that sends too much is told so. */
  function heldStream(
    method: BidiMethod,
    call: StreamCall<unknown>,
    index: number,
  ): BidiReceiver<unknown> {
    let held: unknown[] = [];
    let isHalfClosed = false;
    let isOver = false;
    let opened: BidiReceiver<unknown> | undefined;
    const release = (): unknown[] => {
      const released = held;
      held = [];
      for (const request of released) letGo(request);
      return released;
    };
    const open = () => {
      const requests = release();
      if (isOver) return;
      opened = method.open(call);
      for (const request of requests) opened.message(request);
      if (isHalfClosed) opened.halfClosed();
    };
    wait(call, index, open, release);
    return {
      message(request) {
        if (opened !== undefined) opened.message(request);
        else if (isOver || call.cancelled) return;
        else if (keep(request)) held.push(copyOf(request));
        else {
          isOver = true;
          release();
          failWith(call, "overloaded");
        }
      },
      halfClosed() {
        isHalfClosed = true;
        opened?.halfClosed();
      },
    };
  }

  return methods.map((method): GrpcMethod => {
    if (method.kind === "bidi") {
      const open = (call: StreamCall<unknown>) => {
        const index = awaits(call);
        return index === 0 ? method.open(call) : heldStream(method, call, index);
      };
      return { ...method, open };
    }
    // Each of the two kinds hands its own kind of call on.
    if (method.kind === "serverStream") {
      const handle = (request: unknown, call: StreamCall<unknown>) =>
        holdOrHandle(request, call, method.handle);
      return { ...method, handle };
    }
    const handle = (request: unknown, call: UnaryCall<unknown>) =>
      holdOrHandle(request, call, method.handle);
    return { ...method, handle };
  });
}

function sizeOf(request: unknown): number {
  return requestBytes + bytesOf(request);
}

function bytesOf(value: unknown): number {
  if (value instanceof Uint8Array || typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 8;
  let bytes = 8;
  for (const inner of Object.values(value)) bytes += bytesOf(inner);
  return bytes;
}

/** Bytes of a request are views that end with the turn. */
function copyOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copyOf(inner)]));
}
