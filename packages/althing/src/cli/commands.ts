// The commands, in the order in which the help lists them. Those that pull in the server are loaded
// when they are run: `althing get` must answer at once.

import type { Command } from "./command.ts";
import { compareCommand } from "./compare.ts";
import { completionOf } from "./completion.ts";
import { delCommand } from "./del.ts";
import { devCommand } from "./dev.ts";
import { getCommand } from "./get.ts";
import {
  memberAddCommand,
  memberListCommand,
  memberPromoteCommand,
  memberRemoveCommand,
  memberUpdateCommand,
} from "./members.ts";
import { putCommand } from "./put.ts";
import { simCommand } from "./sim.ts";
import { snapshotRestoreCommand } from "./snapshot-restore.ts";
import { snapshotSaveCommand } from "./snapshot-save.ts";
import { snapshotStatusCommand } from "./snapshot-status.ts";
import { startCommand } from "./start-command.ts";
import { statusCommand } from "./status.ts";
import { versionCommand } from "./version.ts";

export const commands: readonly Command[] = [
  devCommand,
  startCommand,
  putCommand,
  getCommand,
  delCommand,
  statusCommand,
  memberListCommand,
  memberAddCommand,
  memberRemoveCommand,
  memberUpdateCommand,
  memberPromoteCommand,
  snapshotSaveCommand,
  snapshotStatusCommand,
  snapshotRestoreCommand,
  simCommand,
  compareCommand,
  completionOf(() => commands),
  versionCommand,
];
