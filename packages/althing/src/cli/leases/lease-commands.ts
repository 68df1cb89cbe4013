// `althing lease grant | revoke | info | list | keep-alive`

import { setTimeout as sleep } from "node:timers/promises";
import { etcdCodecs as codecs } from "@althing/wire";
import { type Asked, clientCommand, idIn } from "../client-command.ts";
import { hexId } from "../cluster/members.ts";
import { CliError, exitCode } from "../exit-codes.ts";
import { cellOf, textOrBase64, writeAnswer, writeEvent, writeLine } from "../print.ts";
import { grantLease, LeaseKeeper, revokeLease } from "./lease-keeper.ts";

const ofLease = ["the id of the lease"];

function leaseIn({ words, wrong }: Asked): bigint {
  return BigInt.asIntN(64, idIn(words[0] ?? "", "lease id", wrong));
}

export const leaseGrantCommand = clientCommand({
  name: "lease grant",
  summary: "Make a lease: keys put with it go when it ends",
  takes: "SECONDS [options]",
  about: `Makes a lease of so many seconds and prints its id. Keys that are put with it (\`put --lease\`) are deleted when
it is revoked, or when nobody has kept it alive for so long.`,
  words: ["how many seconds it lasts"],
  examples: [{ command: "althing lease grant 60", what: "then: althing put job me --lease=ID" }],
  async run({ client, words, form, wrong }) {
    const ttl = Number(words[0]);
    if (!Number.isSafeInteger(ttl) || ttl < 1) {
      throw wrong(`"${words[0]}" is no number of seconds`);
    }
    const lease = await grantLease(client, ttl);
    const id = hexId(lease.id);
    writeAnswer(form, {
      value: { id, ttl: lease.ttl },
      table: [["id", "ttl"], [[id, String(lease.ttl)]]],
      plain: () => writeLine(`lease ${id} granted with TTL(${lease.ttl}s)`),
    });
    return exitCode.ok;
  },
});

export const leaseRevokeCommand = clientCommand({
  name: "lease revoke",
  summary: "End a lease, and delete its keys",
  takes: "ID [options]",
  about: "Ends a lease at once. The keys that were put with it are deleted in one revision.",
  words: ofLease,
  examples: [{ command: "althing lease revoke 694d81c0d8a1c703", what: "by its id" }],
  async run(asked) {
    const id = leaseIn(asked);
    await revokeLease(asked.client, id);
    writeAnswer(asked.form, {
      value: { id: hexId(id), revoked: true },
      table: [["id", "revoked"], [[hexId(id), "true"]]],
      plain: () => writeLine(`lease ${hexId(id)} revoked`),
    });
    return exitCode.ok;
  },
});

export const leaseInfoCommand = clientCommand({
  name: "lease info",
  summary: "What is left of a lease, and its keys",
  takes: "ID [--keys] [options]",
  about: `Prints how many seconds a lease was granted, how many are left, and with --keys which keys go with it.
Ends with ${exitCode.failed} when there is no such lease (any more).`,
  options: [{ name: "keys", kind: "boolean", help: "And its keys" }],
  words: ofLease,
  examples: [
    { command: "althing lease info 694d81c0d8a1c703 --keys", what: "who would go with it?" },
  ],
  async run(asked) {
    const ID = leaseIn(asked);
    const id = hexId(ID);
    const left = await asked.client.unary(
      "etcdserverpb.Lease/LeaseTimeToLive",
      codecs.LeaseTimeToLiveRequest,
      codecs.LeaseTimeToLiveResponse,
      { ID, keys: asked.parsed.flag("keys") },
    );
    if (left.TTL < 0) {
      throw new CliError(exitCode.failed, `there is no lease ${id}: it has ended, or never was`);
    }
    const keys = left.keys.map((key) => cellOf(key));
    writeAnswer(asked.form, {
      value: {
        id,
        grantedSeconds: left.grantedTTL,
        leftSeconds: left.TTL,
        ...(asked.parsed.flag("keys") && {
          keys: left.keys.map((key) => textOrBase64("key", key)),
        }),
      },
      table: [
        ["id", "granted", "left", "keys"],
        [[id, String(left.grantedTTL), String(left.TTL), keys.join(" ")]],
      ],
      plain() {
        const attached = asked.parsed.flag("keys") ? `, attached keys([${keys.join(" ")}])` : "";
        writeLine(
          `lease ${id} granted with TTL(${left.grantedTTL}s), remaining(${left.TTL}s)${attached}`,
        );
      },
    });
    return exitCode.ok;
  },
});

export const leaseListCommand = clientCommand({
  name: "lease list",
  summary: "All leases",
  about: "Lists the ids of the leases there are.",
  examples: [{ command: "althing lease list -o jsonl", what: "one a line, for a program" }],
  async run({ client, form }) {
    const { leases } = await client.unary(
      "etcdserverpb.Lease/LeaseLeases",
      codecs.LeaseLeasesRequest,
      codecs.LeaseLeasesResponse,
      {},
    );
    const ids = leases.map(({ ID }) => hexId(ID));
    writeAnswer(form, { value: ids.map((id) => ({ id })), table: [["id"], ids.map((id) => [id])] });
    return exitCode.ok;
  },
});

export const leaseKeepAliveCommand = clientCommand({
  name: "lease keep-alive",
  summary: "Keep a lease alive until it is interrupted",
  takes: "ID [--once] [options]",
  about: `Renews a lease three times in its time to live, at another member when one is lost, and says each time what
is left. Ends with ${exitCode.failed} as soon as the lease has ended.`,
  options: [{ name: "once", kind: "boolean", help: "Renew it once" }],
  words: ofLease,
  examples: [{ command: "althing lease keep-alive 694d81c0d8a1c703", what: "until Ctrl-C" }],
  async run(asked) {
    const id = leaseIn(asked);
    const keeper = new LeaseKeeper(asked.client, { id, ttl: 1 });
    try {
      for (;;) {
        const ttl = await keeper.renew();
        if (ttl === undefined) {
          throw new CliError(exitCode.failed, `lease ${hexId(id)} has ended, or never was`);
        }
        writeEvent(asked.form, { id: hexId(id), ttl }, () =>
          writeLine(`lease ${hexId(id)} keepalived with TTL(${ttl})`),
        );
        if (asked.parsed.flag("once")) return exitCode.ok;
        await sleep((ttl * 1000) / 3);
      }
    } finally {
      keeper.stop();
    }
  },
});
