// The bank, durable on this machine: run it twice and the books go on.
// Run it: node examples/bank-replicate.ts [folder]

import { replicate } from "althing";
import { Bank } from "./bank.ts";

const bank = new Bank();
await using replica = await replicate({
  stateMachine: bank,
  dataDir: process.argv[2] ?? "bank.althing",
});

const opened = await replica.submit({ kind: "open", account: "ann", deposit: 100 });
await replica.submit({ kind: "open", account: "bob", deposit: 0 });
console.log(`ann opens an account: ${opened}`);

// Asked for twice, as after an answer that was lost, it is made once.
const transfer = { kind: "transfer", id: "rent", from: "ann", to: "bob", amount: 30 } as const;
console.log(`the rent: ${await replica.submit(transfer)}`);
console.log(`the rent, asked for again: ${await replica.submit(transfer)}`);
console.log(`too much: ${await replica.submit({ ...transfer, id: "car", amount: 1000 })}`);

const balance = (account: string) => replica.query(() => bank.accounts.get(account));
console.log(`ann has ${await balance("ann")}, bob has ${await balance("bob")}`);
