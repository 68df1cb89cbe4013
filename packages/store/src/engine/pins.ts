// Who reads a state in many steps holds a pin on it: when an installed snapshot takes the place of the whole
// state, the pin fails its holder. Without that a reader would go on over the new state with what it knew of
// the old one, and what it makes would look whole.

import type { Revision } from "../contract.ts";
import type { RecordVisitor, StatePin } from "./port.ts";

/** A snapshot took the place of the state that was being read. To be read again from the start. */
export class StateReplaced extends Error {
  readonly code = "stateReplaced";
  constructor() {
    super("an installed snapshot took the place of what was being read: read it again");
    this.name = "StateReplaced";
  }
}

type Scan = (main: Revision, sub: number, visit: RecordVisitor) => void;

export class Pins {
  readonly #scan: Scan;
  /** Of the states that were in place. */
  #state = 0;

  constructor(scan: Scan) {
    this.#scan = scan;
  }

  pin(): StatePin {
    const state = this.#state;
    const check = (): void => {
      if (state !== this.#state) throw new StateReplaced();
    };
    return {
      check,
      scan: (main, sub, visit) => {
        check();
        this.#scan(main, sub, visit);
      },
    };
  }

  /** In the same step in which the engine puts another state in place. */
  replaced(): void {
    this.#state++;
  }
}
