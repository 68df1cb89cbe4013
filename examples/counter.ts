// A counter of your own, replicated: three members, each in a process of its own, keep one number. Give each
// process a name and the list; what was acknowledged survives the death of any one of them.
//
//   node examples/counter.ts a data/a a=http://127.0.0.1:7401,b=http://127.0.0.1:7402,c=http://127.0.0.1:7403 [protocol]
//   node examples/counter.ts simulate      hundreds of crashes, partitions and slow disks, in a few seconds
//
// Write "add 1" or "get" into its standard input, one a line.

import { createInterface } from "node:readline";
import { type Machine, replicate, simulate } from "althing";

class Counter implements Machine<{ readonly add: number }, number, number> {
  value = 0;

  apply({ add }: { readonly add: number }): number {
    if (!Number.isSafeInteger(add)) throw new RangeError("add an integer");
    this.value += add;
    return this.value;
  }

  snapshot = () => this.value;
  restore(value: number): void {
    this.value = value;
  }
}

const [name = "a", dataDir = "counter.althing", list = "", protocol = "raft"] =
  process.argv.slice(2);
if (name === "simulate") {
  const workload = (random: { below(n: number): number }) => ({ add: random.below(10) });
  const found = simulate({ stateMachine: () => new Counter(), workload, seeds: 5 });
  console.log(found.failure ?? `${found.faults} faults, ${found.answered} answers, nothing wrong`);
  process.exit(found.failure === undefined ? 0 : 1);
}
const members = Object.fromEntries(
  list.split(",").map((one) => one.split("=") as [string, string]),
);
const counter = new Counter();
const replica = await replicate({
  stateMachine: counter,
  name,
  dataDir,
  ...(list !== "" && { members }),
  protocol: protocol as "raft" | "paxos" | "zab",
  logLevel: "error",
});
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, argument] = line.split(" ");
  try {
    if (verb === "add") console.log(`added ${await replica.submit({ add: Number(argument) })}`);
    else console.log(`value ${await replica.query(() => counter.value)}`);
  } catch (error) {
    // With an outcome "unknown" it may have been added all the same: see how bank.ts copes with that.
    const { code = "refused", outcome = "" } = error as { code?: string; outcome?: string };
    console.log(`failed ${code} ${outcome}`.trimEnd());
  }
}
await replica.close();
