// A protocol with witnesses: it hands every input and effect of the real core to an observer and
// changes nothing. Production has no hook for this; the member is simply given this protocol.

import type {
  Core,
  CoreOptions,
  Effect,
  Entry,
  Input,
  Protocol,
  Restored,
} from "@althing/consensus";

export interface CoreObserver {
  created(restored: Restored<unknown>): void;
  /** Before and after one step; `core` is the real one. */
  stepping(input: Input<unknown>, core: Core<unknown, unknown>): void;
  stepped(input: Input<unknown>, core: Core<unknown, unknown>): void;
  effects(effects: readonly Effect<unknown, unknown>[], core: Core<unknown, unknown>): void;
}

export function observedProtocol(protocol: Protocol, observer: CoreObserver): Protocol {
  return {
    ...protocol,
    create(options: CoreOptions, restored: Restored<unknown>): Core<unknown, unknown> {
      observer.created(restored);
      return new ObservedCore(protocol.create(options, restored), observer);
    },
  };
}

class ObservedCore implements Core<unknown, unknown> {
  readonly #core: Core<unknown, unknown>;
  readonly #observer: CoreObserver;

  constructor(core: Core<unknown, unknown>, observer: CoreObserver) {
    this.#core = core;
    this.#observer = observer;
  }

  step(input: Input<unknown>, nowMs: number): void {
    this.#observer.stepping(input, this.#core);
    this.#core.step(input, nowMs);
    this.#observer.stepped(input, this.#core);
  }

  effects(): Effect<unknown, unknown>[] {
    const effects = this.#core.effects();
    if (effects.length > 0) this.#observer.effects(effects, this.#core);
    return effects;
  }

  status() {
    return this.#core.status();
  }

  entryAt(index: number): Entry | undefined {
    return this.#core.entryAt(index);
  }

  inspect(): object {
    return this.#core.inspect();
  }
}
