// The CORRUPT alarm: whose state differs from the others', as all of them know. A member that finds itself
// odd serves nothing by itself; the alarm keeps it so over a restart, until an operator lifts it.

import type { MemberId } from "@althing/consensus";
import type { StewardHost } from "@althing/member";
import { encodeCommand, type Result, type Store } from "@althing/store";

export class CorruptAlarm {
  readonly #host: StewardHost<Result>;
  readonly #store: Pick<Store, "alarms">;
  #isUnderWay = false;

  constructor(host: StewardHost<Result>, store: Pick<Store, "alarms">) {
    this.#host = host;
    this.#store = store;
  }

  members(): MemberId[] {
    const raised = this.#store.alarms().filter(({ alarm }) => alarm === "corrupt");
    return raised.map(({ member }) => member);
  }

  raise(member: MemberId): void {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    this.#host.observe({ kind: "stateHash.odd", level: "error", member });
    const command = { kind: "alarm", action: "activate", member, alarm: "corrupt" } as const;
    this.#host.propose(encodeCommand(command), () => {
      this.#isUnderWay = false;
    });
  }
}
