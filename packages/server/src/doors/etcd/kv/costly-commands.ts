// Commands that may read much are judged before they go into the log, by the state as this member knows it,
// and only so much of what they are going to read is under way at a time: each is carried out in one piece,
// in its place in the log, and whatever stands behind it waits.

import { bounded, type DeleteRangeCommand, type TxnCommand } from "@althing/store";
import type { DoorContext } from "../../context.ts";
import type { EtcdErrorCode } from "../errors.ts";
import { runInSteps, stepFault } from "../steps.ts";

/** Of all that this door has proposed and that is not answered. Some 100 ms. */
const workUnderWayMax = 64 * 1024 * 1024;

export class CostlyCommands {
  private readonly context: DoorContext;
  private underWay = 0;

  constructor(context: DoorContext) {
    this.context = context;
  }

  /**
   * Hands on the command as it is to go into the log, with what is to be called when it has been answered; or
   * refuses it. Most commands go on at once.
   */
  admit<C extends TxnCommand | DeleteRangeCommand>(
    call: { readonly cancelled: boolean },
    command: C,
    admitted: (command: C, answered: () => void) => void,
    refused: (code: EtcdErrorCode) => void,
  ): void {
    const costly = bounded(command);
    const { workMax } = costly;
    if (workMax === undefined) {
      admitted(costly, nothing);
      return;
    }
    const step = () => {
      if (call.cancelled) return false;
      const work = this.context.store.workOf(costly);
      if (work > workMax) refused("tooCostly");
      else if (this.underWay > 0 && this.underWay + work > workUnderWayMax) refused("overloaded");
      else {
        this.underWay += work;
        admitted(costly, () => {
          this.underWay -= work;
        });
      }
      return false;
    };
    runInSteps(step, (error) => refused(stepFault(error, this.context)));
  }
}

function nothing(): void {}
