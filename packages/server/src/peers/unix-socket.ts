// A socket in the file system outlives the process that listened on it. Before one is bound, what is left of a
// dead listener is taken away; one that answers is in use and stays.

import { existsSync, statSync, unlinkSync } from "node:fs";
import { connect } from "node:net";

export function claimSocketPath(path: string): Promise<void> {
  if (!existsSync(path) || !statSync(path).isSocket()) return Promise.resolve();
  return new Promise((resolve) => {
    const probe = connect({ path });
    const settle = (isDead: boolean) => {
      probe.destroy();
      if (isDead) unlinkSync(path);
      resolve();
    };
    probe.once("connect", () => settle(false));
    probe.once("error", (error: NodeJS.ErrnoException) => settle(error.code === "ECONNREFUSED"));
  });
}
