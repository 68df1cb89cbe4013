// A durable store inside a program: a cluster of one, without a second process and without a port.
// Run it twice and it counts on: node examples/embedded.ts [folder]

import { Althing } from "althing";

const dataDir = process.argv[2] ?? "visits.althing";

await using althing = await Althing.open({ dataDir, logLevel: "warn" });
const before = Number((await althing.get("visits"))?.text ?? 0);

// Acknowledged means on disk: whatever ends this program now, the number stays.
await althing.put("visits", String(before + 1));
const visits = await althing.get("visits");
console.log(`visit ${visits?.text}, written ${visits?.version} times`);
