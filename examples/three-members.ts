// A cluster of three members in one program, to see it lose one and go on. Real members run in a process of
// their own on three machines; the names and addresses are given in the same way.
// Run it: node examples/three-members.ts [folder] [first port of three]

import { join } from "node:path";
import { Althing } from "althing";

const folder = process.argv[2] ?? "three.althing";
const port = Number(process.argv[3] ?? 2480);
const names = ["one", "two", "three"] as const;
const cluster = names.map((name, i) => `${name}=http://127.0.0.1:${port + i}`).join(",");

const open = (name: string) =>
  Althing.open({ name, cluster, dataDir: join(folder, name), logLevel: "error" });

// Each waits for a majority: they have to be opened together.
const members = await Promise.all(names.map(open));
const [one, two, three] = members as [Althing, Althing, Althing];

await one.put("law", "read aloud");
console.log(`two reads: ${(await two.get("law"))?.text}`);

await one.close();
console.log("one is gone");

// Two of three are a majority. A call during the change of leader may fail: ask again.
for (;;) {
  try {
    await two.put("law", "amended");
    break;
  } catch (error) {
    console.error(`not yet: ${(error as Error).message}`);
  }
}
console.log(`three reads: ${(await three.get("law"))?.text}`);

const again = await open("one");
console.log(`one is back and reads: ${(await again.get("law"))?.text}`);
await Promise.all([again.close(), two.close(), three.close()]);
