// `althing member list | add | remove | update | promote`

import { etcdCodecs as codecs, type EtcdMessage } from "@althing/wire";
import { type Command, type Parsed, parseOptions, usageError } from "./command.ts";
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
    writeMembers(parsed, await withClient(memberListCommand, parsed, listMembers));
    return 0;
  },
};

const peerUrlsOption = {
  name: "peer-urls",
  kind: "text",
  value: "URL,...",
  help: "Where the other members reach it",
} as const;

export const memberAddCommand: Command = {
  name: "member add",
  summary: "Add a member, to be started next",
  usage: "member add NAME --peer-urls=URL [--learner] [options]",
  about: `Adds a member that does not run yet, and prints what to start it with. It follows as a learner
until it has caught up and votes then by itself; with --learner it waits for \`member promote\`.`,
  options: [
    peerUrlsOption,
    { name: "learner", kind: "boolean", help: "It does not vote until it is promoted" },
    ...connectionOptions,
  ],
  examples: [
    { command: "althing member add m4 --peer-urls=http://10.0.0.4:2380", what: "a fourth member" },
  ],
  async run(args) {
    const parsed = parseOptions(memberAddCommand, args);
    const [name] = wordsOf(memberAddCommand, parsed, 1, "the name of the new member");
    const peerURLs = peerUrlsOf(memberAddCommand, parsed);
    const isLearner = parsed.flag("learner");
    const { member, members } = await withClient(memberAddCommand, parsed, (client) =>
      client.unary(
        "etcdserverpb.Cluster/MemberAdd",
        codecs.MemberAddRequest,
        codecs.MemberAddResponse,
        { peerURLs, isLearner },
      ),
    );
    const id = hexId(member?.ID ?? 0n);
    const initialCluster = members
      .flatMap((one) => {
        const called = one.ID === member?.ID ? name : one.name || hexId(one.ID);
        return one.peerURLs.map((url) => `${called}=${url}`);
      })
      .join(",");
    if (outputForm(parsed) === "json") writeJson({ id, name, peerUrls: peerURLs, initialCluster });
    else {
      writeLine(`Member ${id} added. Start it, with an empty data directory, by:`);
      writeLine(`  althing start --name=${name} --initial-cluster-state=existing \\`);
      writeLine(`    --initial-cluster=${initialCluster} \\`);
      writeLine(`    --initial-advertise-peer-urls=${peerURLs.join(",")} \\`);
      writeLine(`    --listen-peer-urls=${peerURLs.join(",")}`);
    }
    return 0;
  },
};

export const memberRemoveCommand: Command = {
  name: "member remove",
  summary: "Remove a member from the cluster",
  usage: "member remove ID [options]",
  about: `Removes a member, whether it runs or not. One that runs ends by itself. What would leave too few
members to decide anything is refused.`,
  options: connectionOptions,
  examples: [{ command: "althing member remove 8211f1d0f64f3269", what: "by its id" }],
  async run(args) {
    const parsed = parseOptions(memberRemoveCommand, args);
    const ID = memberIdOf(memberRemoveCommand, parsed);
    const { members } = await withClient(memberRemoveCommand, parsed, (client) =>
      client.unary(
        "etcdserverpb.Cluster/MemberRemove",
        codecs.MemberRemoveRequest,
        codecs.MemberRemoveResponse,
        { ID },
      ),
    );
    writeMembers(parsed, members);
    return 0;
  },
};

export const memberUpdateCommand: Command = {
  name: "member update",
  summary: "Change where the other members reach a member",
  usage: "member update ID --peer-urls=URL [options]",
  about: "Changes the addresses under which the other members call a member.",
  options: [peerUrlsOption, ...connectionOptions],
  examples: [
    {
      command: "althing member update 8211f1d0f64f3269 --peer-urls=http://10.0.0.9:2380",
      what: "it has moved",
    },
  ],
  async run(args) {
    const parsed = parseOptions(memberUpdateCommand, args);
    const ID = memberIdOf(memberUpdateCommand, parsed);
    const peerURLs = peerUrlsOf(memberUpdateCommand, parsed);
    const { members } = await withClient(memberUpdateCommand, parsed, (client) =>
      client.unary(
        "etcdserverpb.Cluster/MemberUpdate",
        codecs.MemberUpdateRequest,
        codecs.MemberUpdateResponse,
        { ID, peerURLs },
      ),
    );
    writeMembers(parsed, members);
    return 0;
  },
};

export const memberPromoteCommand: Command = {
  name: "member promote",
  summary: "Let a learner vote",
  usage: "member promote ID [options]",
  about: "Makes a learner a voter. Refused until it has caught up with the leader.",
  options: connectionOptions,
  examples: [{ command: "althing member promote 8211f1d0f64f3269", what: "by its id" }],
  async run(args) {
    const parsed = parseOptions(memberPromoteCommand, args);
    const ID = memberIdOf(memberPromoteCommand, parsed);
    const { members } = await withClient(memberPromoteCommand, parsed, (client) =>
      client.unary(
        "etcdserverpb.Cluster/MemberPromote",
        codecs.MemberPromoteRequest,
        codecs.MemberPromoteResponse,
        { ID },
      ),
    );
    writeMembers(parsed, members);
    return 0;
  },
};

type Member = EtcdMessage<"Member">;

function writeMembers(parsed: Parsed, members: readonly Member[]): void {
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
}

function wordsOf(command: Command, parsed: Parsed, count: number, what: string): readonly string[] {
  if (parsed.words.length < count) throw usageError(command, `${what} is missing`);
  if (parsed.words.length > count) {
    throw usageError(command, `too many words: ${parsed.words.slice(count).join(" ")}`);
  }
  return parsed.words;
}

function memberIdOf(command: Command, parsed: Parsed): bigint {
  const [text = ""] = wordsOf(command, parsed, 1, "the id of the member");
  if (!/^[0-9a-f]{1,16}$/i.test(text)) {
    throw usageError(command, `"${text}" is no member id: they are hexadecimal, see member list`);
  }
  return BigInt(`0x${text}`);
}

function peerUrlsOf(command: Command, parsed: Parsed): string[] {
  const urls = (parsed.text("peer-urls") ?? "").split(",").filter((url) => url !== "");
  if (urls.length === 0) throw usageError(command, "--peer-urls is missing");
  return urls;
}

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
