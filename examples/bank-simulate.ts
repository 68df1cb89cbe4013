// The bank in a hostile world: members crash, disks stall, the network divides, clocks drift, for a hundred seeds.
// Run it: node examples/bank-simulate.ts [protocol] [seeds]

import { type Random, simulate } from "althing";
import { Bank, type BankCommand } from "./bank.ts";

const accounts = ["ann", "bob", "cid", "dot"] as const;

/** What a customer asks next. Few names of transfers, so that some are asked for twice. */
export function customer(random: Random): BankCommand {
  if (random.chance(0.1)) return { kind: "open", account: random.pick(accounts), deposit: 100 };
  const id = `transfer ${random.below(200)}`;
  const [from, to] = [random.pick(accounts), random.pick(accounts)];
  return { kind: "transfer", id, from, to, amount: random.below(60) };
}

if (import.meta.filename === process.argv[1]) {
  const [protocol = "raft", seeds = "100"] = process.argv.slice(2);
  const { runs, answered, faults, failure } = simulate({
    stateMachine: () => new Bank(),
    workload: customer,
    invariant: (bank) => bank.fault(),
    protocol: protocol as "raft" | "paxos" | "zab",
    seeds: Number(seeds),
  });
  console.log(`${runs} runs, ${faults} faults, ${answered} commands and reads answered`);
  if (failure !== undefined) {
    console.error(`seed ${failure.seed}: ${failure.property}: ${failure.detail}`);
    process.exit(1);
  }
}
