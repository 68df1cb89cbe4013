// `althing member list | add | remove | update | promote`

import { etcdCodecs as codecs, type EtcdMessage } from "@althing/wire";
import { type Asked, clientCommand, idIn } from "../client-command.ts";
import type { GrpcClient } from "../grpc-client.ts";
import { type OutputForm, writeAnswer, writeLine } from "../print.ts";

export const memberListCommand = clientCommand({
  name: "member list",
  summary: "Who belongs to the cluster",
  about: `Lists the members: id, whether it has started, name, addresses for members and for clients,
and whether it is a learner.`,
  examples: [{ command: "althing member list -o table", what: "as a table" }],
  async run({ client, form }) {
    writeMembers(form, await listMembers(client));
    return 0;
  },
});

const peerUrlsOption = {
  name: "peer-urls",
  kind: "text",
  value: "URL,...",
  help: "Where the other members reach it",
} as const;

export const memberAddCommand = clientCommand({
  name: "member add",
  summary: "Add a member, to be started next",
  takes: "NAME --peer-urls=URL [--learner] [options]",
  about: `Adds a member that does not run yet, and prints what to start it with. It follows as a learner
until it has caught up and votes then by itself; with --learner it waits for \`member promote\`.`,
  options: [
    peerUrlsOption,
    { name: "learner", kind: "boolean", help: "It does not vote until it is promoted" },
  ],
  words: ["the name of the new member"],
  examples: [
    { command: "althing member add m4 --peer-urls=http://10.0.0.4:2380", what: "a fourth member" },
  ],
  async run(asked) {
    const { client, parsed, words, form } = asked;
    const [name = ""] = words;
    const peerURLs = peerUrlsOf(asked);
    const { member, members } = await client.unary(
      "etcdserverpb.Cluster/MemberAdd",
      codecs.MemberAddRequest,
      codecs.MemberAddResponse,
      { peerURLs, isLearner: parsed.flag("learner") },
    );
    const id = hexId(member?.ID ?? 0n);
    const initialCluster = members
      .flatMap((one) => {
        const called = one.ID === member?.ID ? name : one.name || hexId(one.ID);
        return one.peerURLs.map((url) => `${called}=${url}`);
      })
      .join(",");
    writeAnswer(form, {
      value: { id, name, peerUrls: peerURLs, initialCluster },
      table: [
        ["id", "name", "peer urls", "initial cluster"],
        [[id, name, peerURLs.join(","), initialCluster]],
      ],
      plain() {
        writeLine(`Member ${id} added. Start it, with an empty data directory, by:`);
        writeLine(`  althing start --name=${name} --initial-cluster-state=existing \\`);
        writeLine(`    --initial-cluster=${initialCluster} \\`);
        writeLine(`    --initial-advertise-peer-urls=${peerURLs.join(",")} \\`);
        writeLine(`    --listen-peer-urls=${peerURLs.join(",")}`);
      },
    });
    return 0;
  },
});

const ofMember = ["the id of the member"];

export const memberRemoveCommand = clientCommand({
  name: "member remove",
  summary: "Remove a member from the cluster",
  takes: "ID [options]",
  about: `Removes a member, whether it runs or not. One that runs ends by itself. What would leave too few
members to decide anything is refused.`,
  words: ofMember,
  examples: [{ command: "althing member remove 8211f1d0f64f3269", what: "by its id" }],
  async run(asked) {
    const { members } = await asked.client.unary(
      "etcdserverpb.Cluster/MemberRemove",
      codecs.MemberRemoveRequest,
      codecs.MemberRemoveResponse,
      { ID: memberIdOf(asked) },
    );
    writeMembers(asked.form, members);
    return 0;
  },
});

export const memberUpdateCommand = clientCommand({
  name: "member update",
  summary: "Change where the other members reach a member",
  takes: "ID --peer-urls=URL [options]",
  about: "Changes the addresses under which the other members call a member.",
  options: [peerUrlsOption],
  words: ofMember,
  examples: [
    {
      command: "althing member update 8211f1d0f64f3269 --peer-urls=http://10.0.0.9:2380",
      what: "it has moved",
    },
  ],
  async run(asked) {
    const { members } = await asked.client.unary(
      "etcdserverpb.Cluster/MemberUpdate",
      codecs.MemberUpdateRequest,
      codecs.MemberUpdateResponse,
      { ID: memberIdOf(asked), peerURLs: peerUrlsOf(asked) },
    );
    writeMembers(asked.form, members);
    return 0;
  },
});

export const memberPromoteCommand = clientCommand({
  name: "member promote",
  summary: "Let a learner vote",
  takes: "ID [options]",
  about: "Makes a learner a voter. Refused until it has caught up with the leader.",
  words: ofMember,
  examples: [{ command: "althing member promote 8211f1d0f64f3269", what: "by its id" }],
  async run(asked) {
    const { members } = await asked.client.unary(
      "etcdserverpb.Cluster/MemberPromote",
      codecs.MemberPromoteRequest,
      codecs.MemberPromoteResponse,
      { ID: memberIdOf(asked) },
    );
    writeMembers(asked.form, members);
    return 0;
  },
});

type Member = EtcdMessage<"Member">;

function writeMembers(form: OutputForm, members: readonly Member[]): void {
  writeAnswer(form, {
    value: members.map((member) => ({
      id: hexId(member.ID),
      started: member.name !== "",
      name: member.name,
      peerUrls: member.peerURLs,
      clientUrls: member.clientURLs,
      isLearner: member.isLearner,
    })),
    table: [titles, members.map(rowOf)],
  });
}

export function memberIdOf({ words, wrong }: Asked): bigint {
  return idIn(words[0] ?? "", "member id (see `althing member list`)", wrong);
}

function peerUrlsOf({ parsed, wrong }: Asked): string[] {
  const urls = (parsed.text("peer-urls") ?? "").split(",").filter((url) => url !== "");
  if (urls.length === 0) throw wrong("--peer-urls is missing");
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
  return BigInt.asUintN(64, id).toString(16);
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
