// The roster, where the key-value store keeps it: among its tables, changed by commands of its own. Data
// directories, logs, snapshots and members of earlier versions have it there.

import type { KeptRoster } from "@althing/member";
import { decodeCommand, encodeCommand, type Store } from "@althing/store";

export function rosterOfStore(store: Pick<Store, "members">): KeptRoster {
  return {
    members: () => store.members(),
    encode: encodeCommand,
    decode(bytes) {
      if (!changesRoster(bytes)) return undefined;
      const command = decodeCommand(bytes);
      const isChange = command?.kind === "publishMember" || command?.kind === "removeMember";
      return isChange ? command : undefined;
    },
  };
}

/** By the number that it begins with: every command that is applied is looked at. */
function changesRoster(command: Uint8Array): boolean {
  const number = command[0];
  return number === published || number === publishedFutureVoter || number === removed;
}

const nobody = { member: "", name: "", peerUrls: [], clientUrls: [], incarnation: "" };
const [published] = encodeCommand({ kind: "publishMember", ...nobody });
const [publishedFutureVoter] = encodeCommand({
  kind: "publishMember",
  ...nobody,
  votesWhenReady: true,
});
const [removed] = encodeCommand({ kind: "removeMember", member: "" });
