// `althing member list`

import { etcdCodecs as codecs, type EtcdMessage } from "@althing/wire";
import { type Command, parseOptions, usageError } from "./command.ts";
import { connectionOptions, outputForm, withClient } from "./connection.ts";
import type { GrpcClient } from "./grpc-client.ts";
import { formatTable, writeJson, writeLine } from "./print.ts";

export const memberListCommand: Command = {
  name: "member list",
  summary: "Who belongs to the cluster",
  usage: "member list [options]",
  about: `Lists the members: id, whether it has started, name, addresses for members and for clients,
and whether it is a learner.`,
  options: connectionOptions,
  examples: [{ command: "althing member list -o table", what: "as a table" }],
  async run(args) {
    const parsed = parseOptions(memberListCommand, args);
    if (parsed.words.length > 0) {
      throw usageError(memberListCommand, `too many words: ${parsed.words.join(" ")}`);
    }
    const members = await withClient(memberListCommand, parsed, listMembers);
    const form = outputForm(parsed);
    if (form === "json") {
      writeJson(
        members.map((member) => ({
          id: hexId(member.ID),
          started: member.name !== "",
          name: member.name,
          peerUrls: member.peerURLs,
          clientUrls: member.clientURLs,
          isLearner: member.isLearner,
        })),
      );
    } else if (form === "table") writeLine(formatTable(titles, members.map(rowOf)));
    else for (const member of members) writeLine(rowOf(member).join(", "));
    return 0;
  },
};

type Member = EtcdMessage<"Member">;

export async function listMembers(client: GrpcClient): Promise<readonly Member[]> {
  const response = await client.unary(
    "etcdserverpb.Cluster/MemberList",
    codecs.MemberListRequest,
    codecs.MemberListResponse,
    { linearizable: false },
  );
  return response.members;
}

export function hexId(id: bigint): string {
  return id.toString(16);
}

const titles = ["id", "status", "name", "peer urls", "client urls", "learner"];

function rowOf(member: Member): string[] {
  return [
    hexId(member.ID),
    member.name === "" ? "unstarted" : "started",
    member.name,
    member.peerURLs.join(","),
    member.clientURLs.join(","),
    String(member.isLearner),
  ];
}
