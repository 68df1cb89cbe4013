// Whom a command asks that asks every endpoint for itself: those that are named, or all members.

import type { Command, Option, Parsed } from "../command.ts";
import { endpointTexts, withClient } from "../connection.ts";
import { listMembers } from "./members.ts";

export const clusterOption: Option = {
  name: "cluster",
  kind: "boolean",
  help: "All members, as the first endpoint knows them",
};

export async function askedEndpoints(command: Command, parsed: Parsed): Promise<string[]> {
  if (!parsed.flag("cluster")) return endpointTexts(parsed);
  const members = await withClient(command, parsed, listMembers);
  return members.flatMap((member) => member.clientURLs.slice(0, 1));
}
