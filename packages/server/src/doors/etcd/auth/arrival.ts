// A client may bring its token to a member that has yet to hear of it: the call waits until the entry
// that tells of it is applied here, or for as long as that may reasonably take.

import type {
  BidiMethod,
  BidiReceiver,
  CallContext,
  GrpcMethod,
  StreamCall,
  UnaryCall,
} from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Access } from "./access.ts";

const waitMsMax = 3_000;
const heldMax = 1_000;

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
  const wait = (call: CallContext, index: number, resume: () => void): void => {
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
        if (!call.cancelled) resume();
      },
    };
    waiting.add(one);
  };

  const hold = (request: unknown, call: CallContext, handle: (request: unknown) => void): void => {
    const held = copyOf(request);
    wait(call, access.awaits(call), () => handle(held));
  };

  return methods.map((method): GrpcMethod => {
    if (method.kind === "bidi") {
      const open = (call: StreamCall<unknown>) => {
        const index = access.awaits(call);
        if (index === 0) return method.open(call);
        return heldStream(method, call, (resume) => wait(call, index, resume));
      };
      return { ...method, open };
    }
    if (method.kind === "serverStream") {
      const handle = (request: unknown, call: StreamCall<unknown>) => {
        if (access.awaits(call) === 0) method.handle(request, call);
        else hold(request, call, (held) => method.handle(held, call));
      };
      return { ...method, handle };
    }
    const handle = (request: unknown, call: UnaryCall<unknown>) => {
      if (access.awaits(call) === 0) method.handle(request, call);
      else hold(request, call, (held) => method.handle(held, call));
    };
    return { ...method, handle };
  });
}

/** What the client sends meanwhile is kept, up to a bound. */
function heldStream(
  method: BidiMethod,
  call: StreamCall<unknown>,
  wait: (resume: () => void) => void,
): BidiReceiver<unknown> {
  const held: ((receiver: BidiReceiver<unknown>) => void)[] = [];
  let opened: BidiReceiver<unknown> | undefined;
  const pass = (what: (receiver: BidiReceiver<unknown>) => void) => {
    if (opened !== undefined) what(opened);
    else if (held.length < heldMax) held.push(what);
  };
  wait(() => {
    opened = method.open(call);
    for (const what of held) what(opened);
  });
  return {
    message(request) {
      const kept = opened === undefined ? copyOf(request) : request;
      pass((receiver) => receiver.message(kept));
    },
    halfClosed: () => pass((receiver) => receiver.halfClosed()),
  };
}

/** Bytes of a request are views that end with the turn. */
function copyOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copyOf(inner)]));
}
