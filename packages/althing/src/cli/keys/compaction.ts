// `althing compaction`

import { etcdCodecs as codecs } from "@althing/wire";
import { clientCommand } from "../client-command.ts";
import { writeAnswer, writeLine } from "../print.ts";

export const compactionCommand = clientCommand({
  name: "compaction",
  summary: "Forget what keys were before a revision",
  takes: "REVISION [options]",
  about: `Gives up the history before a revision: reads and watches as of earlier revisions are refused from then on.
What is there now stays. With --physical it ends when the space is free inside the file.`,
  options: [{ name: "physical", kind: "boolean", help: "Wait until the old versions are gone" }],
  words: ["the revision"],
  examples: [{ command: "althing compaction 1200", what: "keep what is newer" }],
  async run({ client, parsed, words, form, wrong }) {
    const revision = Number(words[0]);
    if (!Number.isSafeInteger(revision) || revision < 1) {
      throw wrong(
        `"${words[0]}" is no revision: it is a whole number, see \`althing status -o json\``,
      );
    }
    await client.unary(
      "etcdserverpb.KV/Compact",
      codecs.CompactionRequest,
      codecs.CompactionResponse,
      { revision, physical: parsed.flag("physical") },
    );
    writeAnswer(form, {
      value: { compacted: revision },
      table: [["compacted"], [[String(revision)]]],
      plain: () => writeLine(`compacted revision ${revision}`),
    });
    return 0;
  },
});
