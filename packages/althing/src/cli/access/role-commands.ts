// `althing role add | list | get | grant-permission | revoke-permission | delete`

import { etcdCodecs as codecs } from "@althing/wire";
import { clientCommand } from "../client-command.ts";
import { tellDone } from "../done.ts";
import { exitCode } from "../exit-codes.ts";
import { rangeOf, rangeOptions } from "../keys/key-range.ts";
import { writeAnswer, writeLine } from "../print.ts";
import {
  describePermission,
  type PermissionKind,
  permissionKinds,
  permissionsOf,
  permissionType,
} from "./permissions.ts";

const ofRole = ["the name of the role"];

export const roleAddCommand = clientCommand({
  name: "role add",
  summary: "Add a role",
  takes: "NAME [options]",
  about: "Adds a role that permits nothing yet: `role grant-permission` says what it permits.",
  words: ofRole,
  examples: [{ command: "althing role add readers", what: "then grant it something" }],
  async run({ client, words, form }) {
    const [name = ""] = words;
    await client.unary(
      "etcdserverpb.Auth/RoleAdd",
      codecs.AuthRoleAddRequest,
      codecs.AuthRoleAddResponse,
      { name },
    );
    return tellDone(form, { role: name, added: true }, `Role ${name} created`);
  },
});

export const roleListCommand = clientCommand({
  name: "role list",
  summary: "All roles",
  about: "Lists the names of the roles.",
  examples: [{ command: "althing role list", what: "one a line" }],
  async run({ client, form }) {
    const { roles } = await client.unary(
      "etcdserverpb.Auth/RoleList",
      codecs.AuthRoleListRequest,
      codecs.AuthRoleListResponse,
      {},
    );
    const value = roles.map((name) => ({ name }));
    writeAnswer(form, { value, table: [["name"], roles.map((name) => [name])] });
    return exitCode.ok;
  },
});

export const roleGetCommand = clientCommand({
  name: "role get",
  summary: "What a role permits",
  takes: "NAME [options]",
  about: "Prints which keys a role permits to read, to write, or both.",
  words: ofRole,
  examples: [{ command: "althing role get readers -o table", what: "as a table" }],
  async run({ client, words, form }) {
    const [role = ""] = words;
    const permissions = await permissionsOf(client, role);
    writeAnswer(form, {
      value: { role, permissions },
      items: permissions,
      table: [["role", "permits", "keys"], permissions.map((one) => [role, one.permits, one.keys])],
      plain() {
        writeLine(`Role ${role}`);
        for (const one of permissions) writeLine(`  ${describePermission(one)}`);
      },
    });
    return exitCode.ok;
  },
});

export const roleGrantPermissionCommand = clientCommand({
  name: "role grant-permission",
  summary: "Let a role read or write keys",
  takes: "NAME read|write|readwrite KEY [END] [options]",
  about: "Permits a key, or all keys from KEY up to END, to those who have the role.",
  options: rangeOptions,
  words: ["the name of the role", "read, write or readwrite", "the key"],
  maybe: ["the end of the range"],
  examples: [
    {
      command: "althing role grant-permission readers read --prefix config/",
      what: "everything below config/",
    },
  ],
  async run({ client, parsed, words, form, wrong }) {
    const [name = "", kind = "", ...keys] = words;
    if (!(kind in permissionKinds)) throw wrong(`it is read, write or readwrite, not "${kind}"`);
    const { key, rangeEnd } = rangeOf(keys, parsed, wrong);
    await client.unary(
      "etcdserverpb.Auth/RoleGrantPermission",
      codecs.AuthRoleGrantPermissionRequest,
      codecs.AuthRoleGrantPermissionResponse,
      {
        name,
        perm: { permType: permissionType(kind as PermissionKind), key, range_end: rangeEnd },
      },
    );
    return tellDone(form, { role: name, permits: kind }, `Role ${name} updated`);
  },
});

export const roleRevokePermissionCommand = clientCommand({
  name: "role revoke-permission",
  summary: "Take keys from a role",
  takes: "NAME KEY [END] [options]",
  about: "Takes a permission back; the range must be written as it was granted.",
  options: rangeOptions,
  words: ["the name of the role", "the key"],
  maybe: ["the end of the range"],
  examples: [
    {
      command: "althing role revoke-permission readers --prefix config/",
      what: "as it was granted",
    },
  ],
  async run({ client, parsed, words, form, wrong }) {
    const [role = "", ...keys] = words;
    const { key, rangeEnd } = rangeOf(keys, parsed, wrong);
    await client.unary(
      "etcdserverpb.Auth/RoleRevokePermission",
      codecs.AuthRoleRevokePermissionRequest,
      codecs.AuthRoleRevokePermissionResponse,
      { role, key, range_end: rangeEnd },
    );
    return tellDone(form, { role, revoked: true }, `Role ${role} updated`);
  },
});

export const roleDeleteCommand = clientCommand({
  name: "role delete",
  summary: "Delete a role",
  takes: "NAME [options]",
  about: "Deletes a role; those who had it lose what only it permitted.",
  words: ofRole,
  examples: [{ command: "althing role delete readers", what: "gone" }],
  async run({ client, words, form }) {
    const [role = ""] = words;
    await client.unary(
      "etcdserverpb.Auth/RoleDelete",
      codecs.AuthRoleDeleteRequest,
      codecs.AuthRoleDeleteResponse,
      { role },
    );
    return tellDone(form, { role, deleted: true }, `Role ${role} deleted`);
  },
});
