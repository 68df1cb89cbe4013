// The connections of one port, from the moment they are accepted: each has its place and its account until
// it is closed, whoever serves it.

import type { Socket } from "node:net";
import type { Account, MemoryBudget } from "./budget.ts";
import { addressOf } from "./caller.ts";
import type { ConnectionGate } from "./connection-gate.ts";
import type { TransportCounters } from "./counters.ts";
import { visitorOf } from "./peer-address.ts";

export interface Guest {
  readonly account: Account;
  readonly address: string;
  /** Whose address counts as one. */
  readonly visitor: string;
  /** Told how the member is, and nothing else. */
  readonly isReserved: boolean;
}

/** What a connection is charged before it asks for anything: idle ones take 10 KiB, and a frame may be half here. */
const connectionBytes = 24 * 1024;
/** Longer than any probe takes. */
const reservedMs = 5000;

export class Guests {
  readonly sockets = new Set<Socket>();
  private readonly memory: MemoryBudget;
  private readonly gate: ConnectionGate;
  private readonly counters: TransportCounters;

  constructor(memory: MemoryBudget, gate: ConnectionGate, counters: TransportCounters) {
    this.memory = memory;
    this.gate = gate;
    this.counters = counters;
  }

  accept(socket: Socket): Guest {
    const { counters, memory, gate, sockets } = this;
    const visitor = visitorOf(socket.remoteAddress);
    const account = memory.open(visitor, () => {
      this.abandon(socket);
      account.close();
    });
    const place = gate.enter(visitor, () => this.abandon(socket));
    const { isReserved } = place;
    const guest: Guest = { account, address: addressOf(socket), visitor, isReserved };
    counters.connectionsAccepted++;
    counters.connectionsOpen++;
    sockets.add(socket);
    account.take(connectionBytes);
    const leaving = place.isReserved
      ? setTimeout(() => socket.destroy(), reservedMs).unref()
      : undefined;
    if (place.isReserved) counters.refused.connections++;
    // Whoever serves the connection handles its faults; none may reach the process.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(leaving);
      counters.connectionsOpen--;
      sockets.delete(socket);
      place.leave();
      account.close();
    });
    return guest;
  }

  abandon(socket: Socket): void {
    this.counters.connectionsAborted++;
    socket.destroy();
  }
}
