// `althing elect`

import { etcdCodecs as codecs } from "@althing/wire";
import { type Asked, clientCommand } from "../client-command.ts";
import { CliError, exitCode } from "../exit-codes.ts";
import { goOnElsewhere } from "../going-on.ts";
import { GrpcFailure } from "../grpc-failure.ts";
import { describeKeyValue } from "../keys/get.ts";
import { writeEvent } from "../print.ts";
import { hold, holdOptions } from "./hold.ts";

export const electCommand = clientCommand({
  name: "elect",
  summary: "Stand for election, and run a command while leading",
  takes: "NAME [VALUE] [options] [-- COMMAND ...]",
  about: `Waits until it leads, with VALUE for others to see, runs COMMAND meanwhile, and resigns. The command finds
ALTHING_ELECTION_TOKEN in its environment, which only grows from leader to leader, and is stopped as soon as the
lead is lost. Without COMMAND it prints key and token, and leads until it is interrupted. With --listen it does
not stand, but tells who leads, whenever that changes.`,
  options: [{ name: "listen", kind: "boolean", help: "Only tell who leads" }, ...holdOptions],
  words: ["the name of the election"],
  maybe: ["the value"],
  runs: true,
  examples: [
    {
      command: "althing elect scheduler host-7 -- ./scheduler.sh",
      what: "one leads, the others wait",
    },
    { command: "althing elect scheduler --listen", what: "who leads?" },
  ],
  async run(asked) {
    const [name = "", value = ""] = asked.words;
    if (asked.parsed.flag("listen")) {
      if (asked.rest.length > 0 || asked.words.length > 1) {
        throw asked.wrong("--listen takes neither a value nor a command");
      }
      return await listen(asked, name);
    }
    return await hold(asked, {
      what: "the lead",
      prefix: "ELECTION",
      async acquire(lease, signal) {
        const answer = await asked.client.wait(
          "v3electionpb.Election/Campaign",
          codecs.CampaignRequest,
          codecs.CampaignResponse,
          { name: Buffer.from(name, "utf8"), value: Buffer.from(value, "utf8"), lease },
          signal,
        );
        return answer.leader?.key ?? new Uint8Array(0);
      },
    });
  },
});

async function listen(asked: Asked, name: string): Promise<number> {
  for (let failures = 0; ; ) {
    try {
      const stream = await asked.client.openStream({
        method: "v3electionpb.Election/Observe",
        requests: codecs.LeaderRequest,
        responses: codecs.LeaderResponse,
        take({ kv }) {
          failures = 0;
          if (kv === undefined) return;
          writeEvent(asked.form, describeKeyValue(kv), () =>
            process.stdout.write(Buffer.concat([kv.key, newline, kv.value, newline])),
          );
        },
      });
      stream.send({ name: Buffer.from(name, "utf8") });
      stream.end();
      await stream.ended;
      return exitCode.ok;
    } catch (error) {
      if (error instanceof GrpcFailure || !(error instanceof CliError)) throw error;
      if (error.exitCode === exitCode.usage || ++failures > 5) throw error;
      await goOnElsewhere(asked.client, error, { failures, msMax: 5_000 });
    }
  }
}

const newline = Buffer.from("\n");
