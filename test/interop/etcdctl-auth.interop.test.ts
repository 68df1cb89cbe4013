// Auth as the real etcdctl drives it, against three members of etcd and three of Althing, prints the same.

import { after, before, test } from "node:test";
import { whyMissing } from "../cluster/program.ts";
import { auth } from "./etcdctl/auth.ts";
import { type Side, startSides, stopSides, tellBoth } from "./sides.ts";

const skip = whyMissing("etcd") ?? whyMissing("etcdctl") ?? whyMissing("althing") ?? false;

let sides: readonly Side[] = [];

before(async () => {
  // Cheap hashes on both sides: what is compared is what is said of them.
  if (!skip) sides = await startSides({ args: ["--bcrypt-cost=4"] });
});

after(async () => {
  await stopSides(sides);
});

test("users, roles and permissions, before auth is enabled and after", { skip }, async () => {
  await tellBoth(sides, auth);
});
