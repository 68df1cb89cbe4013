// The bank in the simulator: as it is nothing is found, and each bug that somebody might write into it is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "althing";
import { Bank, type BankCommand } from "./bank.ts";
import { customer } from "./bank-simulate.ts";

const simulated = (stateMachine: () => Bank, protocol: "raft" | "paxos" | "zab", seeds: number) =>
  simulate({
    stateMachine,
    workload: customer,
    invariant: (bank) => bank.fault(),
    protocol,
    seeds,
  });

for (const protocol of ["raft", "paxos", "zab"] as const) {
  test(`nothing is wrong with the bank under ${protocol}`, () => {
    const { runs, answered, faults, failure } = simulated(() => new Bank(), protocol, 5);
    assert.equal(failure, undefined);
    assert.ok(runs === 5 && answered > 50 && faults > 20, `${answered} answers, ${faults} faults`);
  });
}

/** Who pays himself has what he had, and what he paid. */
class GenerousBank extends Bank {
  override apply(command: BankCommand) {
    if (command.kind === "open" || command.from !== command.to) return super.apply(command);
    const before = this.accounts.get(command.to) ?? 0;
    const result = super.apply(command);
    if (result === "done") this.accounts.set(command.to, before + command.amount);
    return result;
  }
}

/** Its snapshots do not say which transfers were made: after a restart they are made again. */
class ForgetfulBank extends Bank {
  override snapshot() {
    return { ...super.snapshot(), transfers: [] };
  }
}

let calls = 0;

/** It decides by something that is not in its state. */
class MoodyBank extends Bank {
  override apply(command: BankCommand) {
    calls++;
    if (command.kind === "transfer" && command.amount > 50 && calls % 7 === 0) return "not enough";
    return super.apply(command);
  }
}

for (const [bug, bank, property] of [
  ["money is made by paying oneself", GenerousBank, "invariant"],
  ["a snapshot leaves something out", ForgetfulBank, "determinism"],
  ["an answer does not follow from the state", MoodyBank, "determinism"],
] as const) {
  test(`found: ${bug}`, () => {
    const { failure } = simulated(() => new bank(), "raft", 30);
    assert.equal(failure?.property, property, failure?.detail);
    const again = simulate({
      stateMachine: () => new bank(),
      workload: customer,
      invariant: (one) => one.fault(),
      seeds: [failure!.seed],
    });
    // What is wrong by chance outside of the seed need not come in the same words.
    assert.equal(again.failure?.property, property);
  });
}
