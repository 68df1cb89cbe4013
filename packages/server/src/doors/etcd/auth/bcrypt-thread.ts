// The thread that compares passwords with hashes of bcrypt, in the order in which they come.

import { parentPort } from "node:worker_threads";
import { compareSync } from "bcryptjs";
import type { BcryptJob } from "./bcrypt.ts";

parentPort!.on("message", ({ hash, password }: BcryptJob) => {
  parentPort!.postMessage(compareSync(password, hash));
});
