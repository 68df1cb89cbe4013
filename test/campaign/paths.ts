// Where the programs are that a campaign starts, each a process of its own.

import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

export const programs = {
  althing: "packages/althing/bin/althing.js",
  plans: "test/campaign/plans.ts",
  mutants: "packages/simulator/mutants/main.ts",
  fuzz: "test/fuzz/main.ts",
} as const;
