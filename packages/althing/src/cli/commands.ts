// The commands, in the order in which the help lists them. Those that pull in the server are loaded
// when they are run: `althing get` must answer at once.

import {
  authDisableCommand,
  authEnableCommand,
  authStatusCommand,
} from "./access/auth-commands.ts";
import {
  roleAddCommand,
  roleDeleteCommand,
  roleGetCommand,
  roleGrantPermissionCommand,
  roleListCommand,
  roleRevokePermissionCommand,
} from "./access/role-commands.ts";
import {
  userAddCommand,
  userDeleteCommand,
  userGetCommand,
  userGrantRoleCommand,
  userListCommand,
  userPasswdCommand,
  userRevokeRoleCommand,
} from "./access/user-commands.ts";
import {
  alarmDisarmCommand,
  alarmListCommand,
  defragCommand,
  endpointHealthCommand,
  moveLeaderCommand,
} from "./cluster/maintenance.ts";
import {
  memberAddCommand,
  memberListCommand,
  memberPromoteCommand,
  memberRemoveCommand,
  memberUpdateCommand,
} from "./cluster/members.ts";
import { snapshotRestoreCommand } from "./cluster/snapshot-restore.ts";
import { snapshotSaveCommand } from "./cluster/snapshot-save.ts";
import { snapshotStatusCommand } from "./cluster/snapshot-status.ts";
import { statusCommand } from "./cluster/status.ts";
import type { Command, CommandGroup } from "./command.ts";
import { compareCommand } from "./compare.ts";
import { completionOf } from "./completion.ts";
import {
  contextAddCommand,
  contextListCommand,
  contextRemoveCommand,
  contextUseCommand,
} from "./contexts/context.ts";
import { devCommand } from "./dev.ts";
import { compactionCommand } from "./keys/compaction.ts";
import { delCommand } from "./keys/del.ts";
import { getCommand } from "./keys/get.ts";
import { putCommand } from "./keys/put.ts";
import { txnCommand } from "./keys/txn.ts";
import { watchCommand } from "./keys/watch.ts";
import {
  leaseGrantCommand,
  leaseInfoCommand,
  leaseKeepAliveCommand,
  leaseListCommand,
  leaseRevokeCommand,
} from "./leases/lease-commands.ts";
import { electCommand } from "./locks/elect.ts";
import { lockCommand } from "./locks/lock.ts";
import { simCommand } from "./sim.ts";
import { startCommand } from "./start-command.ts";
import { versionCommand } from "./version.ts";

export const commandGroups: readonly CommandGroup[] = [
  { title: "Run", commands: [devCommand, startCommand] },
  {
    title: "Keys",
    commands: [putCommand, getCommand, delCommand, watchCommand, txnCommand, compactionCommand],
  },
  { title: "Only one of us", commands: [lockCommand, electCommand] },
  {
    title: "Leases",
    commands: [
      leaseGrantCommand,
      leaseRevokeCommand,
      leaseInfoCommand,
      leaseListCommand,
      leaseKeepAliveCommand,
    ],
  },
  {
    title: "The cluster",
    commands: [
      statusCommand,
      endpointHealthCommand,
      memberListCommand,
      memberAddCommand,
      memberRemoveCommand,
      memberUpdateCommand,
      memberPromoteCommand,
      moveLeaderCommand,
      alarmListCommand,
      alarmDisarmCommand,
      defragCommand,
      snapshotSaveCommand,
      snapshotStatusCommand,
      snapshotRestoreCommand,
    ],
  },
  {
    title: "Who may do what",
    commands: [
      authEnableCommand,
      authDisableCommand,
      authStatusCommand,
      userAddCommand,
      userListCommand,
      userGetCommand,
      userPasswdCommand,
      userGrantRoleCommand,
      userRevokeRoleCommand,
      userDeleteCommand,
      roleAddCommand,
      roleListCommand,
      roleGetCommand,
      roleGrantPermissionCommand,
      roleRevokePermissionCommand,
      roleDeleteCommand,
    ],
  },
  { title: "Simulate and compare", commands: [simCommand, compareCommand] },
  {
    title: "This command",
    commands: [
      contextAddCommand,
      contextUseCommand,
      contextListCommand,
      contextRemoveCommand,
      completionOf(() => commands),
      versionCommand,
    ],
  },
];

export const commands: readonly Command[] = commandGroups.flatMap((group) => group.commands);
