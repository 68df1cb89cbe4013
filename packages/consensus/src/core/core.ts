// The step door that all protocols share: an input finds its concern, the clock moves on, a turn ends.
// A protocol is its state as plain data and a table of what it makes of each input; a new input does
// not compile until every protocol has an answer.

import type {
  Core,
  CoreOptions,
  CoreStatus,
  Effect,
  Entry,
  Index,
  Input,
  Protocol,
  Restored,
} from "../contract.ts";

/** What the door itself reads and changes of a core's state. */
interface State {
  readonly settings: { readonly promiseMs: number };
  readonly log: { at(index: Index): Entry | undefined };
  nowMs: number;
  promiseUntilMs: number;
  readonly applySentIndex: Index;
  appliedIndex: Index;
}

type InputOf<Message, Kind> = Extract<Input<Message>, { readonly kind: Kind }>;
/** What the store has applied is the same to all; the door keeps account of it. */
type Asked = Exclude<Input<never>["kind"], "applied">;

export interface Parts<Self, Message, Durable, Inspection>
  extends Omit<Protocol<Message, Durable>, "create"> {
  create(options: CoreOptions, restored: Restored<Durable>): Self;
  readonly inputs: {
    readonly [Kind in Asked]: (self: Self, input: InputOf<Message, Kind>) => void;
  };
  endTurn(self: Self): Effect<Message, Durable>[];
  status(self: Self): CoreStatus;
  inspect(self: Self): Inspection;
}

/** A core that tells its tests what they look at. */
export interface InspectedCore<Message, Durable, Inspection extends object>
  extends Core<Message, Durable> {
  inspect(): Inspection;
}

export interface DefinedProtocol<Message, Durable, Inspection extends object>
  extends Omit<Protocol<Message, Durable>, "create"> {
  create(
    options: CoreOptions,
    restored: Restored<Durable>,
  ): InspectedCore<Message, Durable, Inspection>;
}

export function defineProtocol<Self extends State, Message, Durable, Inspection extends object>(
  parts: Parts<Self, Message, Durable, Inspection>,
): DefinedProtocol<Message, Durable, Inspection> {
  return {
    name: parts.name,
    create: (options, restored) => new StepDoor(parts, parts.create(options, restored)),
    encodeMessage: parts.encodeMessage,
    decodeMessage: parts.decodeMessage,
    encodeState: parts.encodeState,
    decodeState: parts.decodeState,
    describeMessage: parts.describeMessage,
    checkInvariants: parts.checkInvariants,
    checkDelta: parts.checkDelta,
  };
}

class StepDoor<Self extends State, Message, Durable, Inspection extends object>
  implements InspectedCore<Message, Durable, Inspection>
{
  readonly #parts: Parts<Self, Message, Durable, Inspection>;
  readonly #self: Self;

  constructor(parts: Parts<Self, Message, Durable, Inspection>, self: Self) {
    this.#parts = parts;
    this.#self = self;
  }

  step(input: Input<Message>, nowMs: number): void {
    const self = this.#self;
    if (nowMs > self.nowMs) self.nowMs = nowMs;
    if (self.promiseUntilMs === Number.POSITIVE_INFINITY) {
      // The first input after a restart: whatever was promised before ends within this time.
      self.promiseUntilMs = self.nowMs + self.settings.promiseMs;
    }
    if (input.kind === "applied") {
      const applied = Math.min(input.index, self.applySentIndex);
      self.appliedIndex = Math.max(self.appliedIndex, applied);
      return;
    }
    // The table ties each kind to its input; the pair is lost on the compiler here.
    const perform = this.#parts.inputs[input.kind] as (self: Self, input: Input<Message>) => void;
    perform(self, input);
  }

  effects(): Effect<Message, Durable>[] {
    return this.#parts.endTurn(this.#self);
  }

  status(): CoreStatus {
    return this.#parts.status(this.#self);
  }

  entryAt(index: Index): Entry | undefined {
    return this.#self.log.at(index);
  }

  inspect(): Inspection {
    return this.#parts.inspect(this.#self);
  }
}
