// `althing lock`

import { etcdCodecs as codecs } from "@althing/wire";
import { clientCommand } from "../client-command.ts";
import { hold, holdOptions } from "./hold.ts";

export const lockCommand = clientCommand({
  name: "lock",
  summary: "Hold a lock, and run a command meanwhile",
  takes: "NAME [options] [-- COMMAND ...]",
  about: `Waits for its turn, holds the lock while COMMAND runs, and gives it back. The command finds
ALTHING_LOCK_TOKEN in its environment, a number that only grows from holder to holder: what the lock protects
refuses a smaller one than it has seen, so that even a holder that was frozen does no harm. When the lock is lost
(this machine's own clock decides, before the cluster can give it away) the command gets SIGTERM, then SIGKILL.
Ends with the command's exit code. Without COMMAND it prints key and token, and holds until it is interrupted.`,
  options: holdOptions,
  words: ["the name of the lock"],
  runs: true,
  examples: [
    { command: "althing lock invoices -- ./send-invoices.sh", what: "only one of us does this" },
    {
      command: "althing lock invoices --wait=0.1 -- ./send-invoices.sh",
      what: "or nobody, if it is held",
    },
  ],
  async run(asked) {
    const name = Buffer.from(asked.words[0] ?? "", "utf8");
    return await hold(asked, {
      what: "the lock",
      prefix: "LOCK",
      async acquire(lease, signal) {
        const answer = await asked.client.wait(
          "v3lockpb.Lock/Lock",
          codecs.LockRequest,
          codecs.LockResponse,
          { name, lease },
          signal,
        );
        return answer.key;
      },
    });
  },
});
