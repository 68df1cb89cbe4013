// What the clients saw, in one sequence of calls and returns: the input of the linearizability
// search. Sequence numbers, not times, decide what came before what.

import type { Action, Compare, Operation, Outcome } from "../linearizability/model.ts";

export interface HistoryRecord {
  readonly serial: number;
  readonly client: number;
  readonly called: number;
  readonly compares: readonly Compare[];
  readonly success: readonly Action[];
  readonly failure: readonly Action[];
  returned: number;
  outcome: Outcome | undefined;
  forgotten: boolean;
}

export class History {
  readonly #records: HistoryRecord[] = [];
  #sequence = 0;
  /** Operations that were answered. */
  answered = 0;
  /** The highest index that any client was told is applied. */
  acknowledgedIndex = 0;

  call(
    client: number,
    compares: readonly Compare[],
    success: readonly Action[],
    failure: readonly Action[],
  ): HistoryRecord {
    const record: HistoryRecord = {
      serial: this.#records.length,
      client,
      called: ++this.#sequence,
      compares,
      success,
      failure,
      returned: Number.POSITIVE_INFINITY,
      outcome: undefined,
      forgotten: false,
    };
    this.#records.push(record);
    return record;
  }

  return(record: HistoryRecord, outcome: Outcome): void {
    record.returned = ++this.#sequence;
    record.outcome = outcome;
    this.answered++;
  }

  /** It certainly did nothing. */
  forget(record: HistoryRecord): void {
    record.forgotten = true;
  }

  acknowledged(_record: HistoryRecord, index: number): void {
    if (index > this.acknowledgedIndex) this.acknowledgedIndex = index;
  }

  operations(): Operation[] {
    return this.#records.filter((record) => !record.forgotten);
  }
}
