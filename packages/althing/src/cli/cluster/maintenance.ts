// `althing alarm list | disarm`, `defrag`, `move-leader`, `endpoint health`

import { etcdCodecs as codecs, etcdSchema } from "@althing/wire";
import { clientCommand } from "../client-command.ts";
import { type Command, parseOptions, usageError } from "../command.ts";
import { connectionOptions, outputForm, withClient } from "../connection.ts";
import { tellDone } from "../done.ts";
import { CliError, exitCode } from "../exit-codes.ts";
import type { GrpcClient } from "../grpc-client.ts";
import { type OutputForm, writeAnswer, writeLine } from "../print.ts";
import { askedEndpoints, clusterOption } from "./asked-endpoints.ts";
import { hexId, listMembers, memberIdOf } from "./members.ts";

const { AlarmAction, AlarmType } = etcdSchema.enums;

async function alarms(client: GrpcClient, form: OutputForm, action: number): Promise<number> {
  const answer = await client.unary(
    "etcdserverpb.Maintenance/Alarm",
    codecs.AlarmRequest,
    codecs.AlarmResponse,
    { action, alarm: AlarmType.NONE, memberID: 0n },
  );
  const rows = answer.alarms.map(({ memberID, alarm }) => ({
    member: hexId(memberID),
    alarm: Object.entries(AlarmType).find(([, number]) => number === alarm)?.[0] ?? String(alarm),
  }));
  writeAnswer(form, {
    value: rows,
    table: [["member", "alarm"], rows.map((row) => [row.member, row.alarm])],
    plain() {
      for (const { member, alarm } of rows) writeLine(`memberID:${member} alarm:${alarm}`);
    },
  });
  return exitCode.ok;
}

export const alarmListCommand = clientCommand({
  name: "alarm list",
  summary: "Alarms that are raised",
  about: `NOSPACE: a member's store is as large as it may be; nothing can be written but deletes. CORRUPT: a member's
state differs from the others'. Nothing is printed when there is none.`,
  examples: [{ command: "althing alarm list", what: "is anything wrong?" }],
  run: ({ client, form }) => alarms(client, form, AlarmAction.GET),
});

export const alarmDisarmCommand = clientCommand({
  name: "alarm disarm",
  summary: "End all alarms",
  about: `Ends every alarm and prints those that it ended. Make room first (delete, compaction, defrag), or it is raised
again.`,
  examples: [{ command: "althing alarm disarm", what: "after making room" }],
  run: ({ client, form }) => alarms(client, form, AlarmAction.DEACTIVATE),
});

export const moveLeaderCommand = clientCommand({
  name: "move-leader",
  summary: "Hand leadership to another member",
  takes: "ID [options]",
  about: `Asks the leader to hand over to the member of this id, without a pause that clients would notice. One that is
behind is waited for. Any endpoint may be named: the leader is found.`,
  words: ["the id of the member"],
  examples: [{ command: "althing move-leader 8211f1d0f64f3269", what: "by its id" }],
  async run(asked) {
    const targetID = memberIdOf(asked);
    const from = await leaderOf(asked.client);
    await withClient(
      moveLeaderCommand,
      asked.parsed,
      (leader) =>
        leader.unary(
          "etcdserverpb.Maintenance/MoveLeader",
          codecs.MoveLeaderRequest,
          codecs.MoveLeaderResponse,
          { targetID },
        ),
      from.urls.slice(0, 1),
    );
    return tellDone(
      asked.form,
      { from: hexId(from.id), to: hexId(targetID) },
      `Leadership transferred from ${hexId(from.id)} to ${hexId(targetID)}`,
    );
  },
});

async function leaderOf(client: GrpcClient): Promise<{ id: bigint; urls: readonly string[] }> {
  const { leader } = await client.unary(
    "etcdserverpb.Maintenance/Status",
    codecs.StatusRequest,
    codecs.StatusResponse,
    {},
  );
  const member = (await listMembers(client)).find(({ ID }) => ID === leader);
  if (member === undefined) throw new CliError(exitCode.failed, "there is no leader to hand over");
  return { id: leader, urls: member.clientURLs };
}

interface Checked {
  readonly endpoint: string;
  readonly ok: boolean;
  readonly tookMs: number;
  readonly error: string;
}

export const defragCommand: Command = eachEndpoint({
  name: "defrag",
  summary: "Give free space of the store back to the disk",
  about: `Asks each endpoint, one after the other, to give back what compaction has freed. A member goes on serving
meanwhile.`,
  example: { command: "althing defrag --cluster", what: "every member, one by one" },
  async ask(client) {
    await client.unary(
      "etcdserverpb.Maintenance/Defragment",
      codecs.DefragmentRequest,
      codecs.DefragmentResponse,
      {},
    );
  },
  say: ({ endpoint, tookMs }) => `Finished defragmenting member[${endpoint}] in ${tookMs} ms`,
});

export const endpointHealthCommand: Command = eachEndpoint({
  name: "endpoint health",
  summary: "Whether each member can serve reads and writes",
  about: `Asks each endpoint for a read that a majority must confirm, and tells how long it took. Ends with ${exitCode.failed} when
one cannot.`,
  example: { command: "althing endpoint health --cluster -o table", what: "every member" },
  async ask(client) {
    const key = Buffer.from("health", "utf8");
    try {
      await client.unary("etcdserverpb.KV/Range", codecs.RangeRequest, codecs.RangeResponse, {
        key,
      });
    } catch (error) {
      // To be refused for want of a permission takes a healthy member.
      if (!/permission denied/.test((error as Error).message)) throw error;
    }
  },
  say: ({ endpoint, tookMs }) =>
    `${endpoint} is healthy: successfully committed proposal: took = ${tookMs} ms`,
});

function eachEndpoint(spec: {
  readonly name: string;
  readonly summary: string;
  readonly about: string;
  readonly example: { readonly command: string; readonly what: string };
  ask(client: GrpcClient): Promise<void>;
  say(checked: Checked): string;
}): Command {
  const command: Command = {
    name: spec.name,
    summary: spec.summary,
    usage: `${spec.name} [options]`,
    about: spec.about,
    options: [clusterOption, ...connectionOptions],
    examples: [spec.example],
    async run(args) {
      const parsed = parseOptions(command, args);
      if (parsed.words.length > 0)
        throw usageError(command, `too many words: ${parsed.words.join(" ")}`);
      const checked: Checked[] = [];
      const endpoints = await askedEndpoints(command, parsed);
      for (const endpoint of endpoints) {
        const beganMs = performance.now();
        const error = await withClient(command, parsed, spec.ask, [endpoint]).then(
          () => "",
          (cause) => (cause as Error).message,
        );
        const tookMs = Math.round((performance.now() - beganMs) * 1000) / 1000;
        checked.push({ endpoint, ok: error === "", tookMs, error });
      }
      writeAnswer(outputForm(parsed), {
        value: checked,
        table: [
          ["endpoint", "ok", "took", "error"],
          checked.map((one) => [one.endpoint, String(one.ok), `${one.tookMs} ms`, one.error]),
        ],
        plain() {
          for (const one of checked.filter(({ ok }) => ok)) writeLine(spec.say(one));
        },
      });
      for (const { endpoint, error } of checked.filter(({ ok }) => !ok)) {
        process.stderr.write(`${endpoint}: ${error.replace(`${endpoint}: `, "")}\n`);
      }
      return checked.every(({ ok }) => ok) ? exitCode.ok : exitCode.failed;
    },
  };
  return command;
}
