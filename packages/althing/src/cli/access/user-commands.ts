// `althing user add | list | get | passwd | grant-role | revoke-role | delete`

import { etcdCodecs as codecs } from "@althing/wire";
import { clientCommand } from "../client-command.ts";
import { tellDone } from "../done.ts";
import { exitCode } from "../exit-codes.ts";
import { writeAnswer, writeLine } from "../print.ts";
import { askForPassword, nameAndPassword } from "./password.ts";
import { describePermission, permissionsOf } from "./permissions.ts";

const ofUser = ["the name of the user"];

export const userAddCommand = clientCommand({
  name: "user add",
  summary: "Add a user",
  takes: "NAME[:PASSWORD] [options]",
  about: `Adds a user who may do nothing yet: give roles with \`user grant-role\`. A password that is not given behind a
colon is read from standard input, or asked for. One without a password can only show a certificate.`,
  options: [{ name: "no-password", kind: "boolean", help: "It shows a certificate of this name" }],
  words: ofUser,
  examples: [{ command: "althing user add ada", what: "asks for the password" }],
  async run({ client, parsed, words, form, wrong }) {
    const { name, password } = nameAndPassword(words[0] ?? "");
    const noPassword = parsed.flag("no-password");
    if (noPassword && password !== undefined)
      throw wrong("a password and --no-password exclude each other");
    const secret = noPassword ? "" : (password ?? (await askForPassword(name)));
    await client.unary(
      "etcdserverpb.Auth/UserAdd",
      codecs.AuthUserAddRequest,
      codecs.AuthUserAddResponse,
      { name, password: secret, options: { no_password: noPassword } },
    );
    return tellDone(form, { user: name, added: true }, `User ${name} created`);
  },
});

export const userListCommand = clientCommand({
  name: "user list",
  summary: "All users",
  about: "Lists the names of the users.",
  examples: [{ command: "althing user list", what: "one a line" }],
  async run({ client, form }) {
    const { users } = await client.unary(
      "etcdserverpb.Auth/UserList",
      codecs.AuthUserListRequest,
      codecs.AuthUserListResponse,
      {},
    );
    const value = users.map((name) => ({ name }));
    writeAnswer(form, { value, table: [["name"], users.map((name) => [name])] });
    return exitCode.ok;
  },
});

export const userGetCommand = clientCommand({
  name: "user get",
  summary: "The roles of a user, and what they permit",
  takes: "NAME [--detail] [options]",
  about: "Prints which roles a user has; with --detail also what each of them permits.",
  options: [{ name: "detail", kind: "boolean", help: "And what the roles permit" }],
  words: ofUser,
  examples: [{ command: "althing user get ada --detail -o table", what: "what may she do?" }],
  async run({ client, parsed, words, form }) {
    const [name = ""] = words;
    const { roles } = await client.unary(
      "etcdserverpb.Auth/UserGet",
      codecs.AuthUserGetRequest,
      codecs.AuthUserGetResponse,
      { name },
    );
    const permissions = parsed.flag("detail")
      ? await Promise.all(roles.map((role) => permissionsOf(client, role)))
      : [];
    writeAnswer(form, {
      value: {
        name,
        roles: parsed.flag("detail")
          ? roles.map((role, i) => ({ role, permissions: permissions[i] }))
          : roles,
      },
      table: [
        ["user", "role", "permits"],
        roles.map((role, i) => [
          name,
          role,
          (permissions[i] ?? []).map(describePermission).join("; "),
        ]),
      ],
      plain() {
        writeLine(`User: ${name}\nRoles: ${roles.join(" ")}`);
        for (const [i, role] of roles.entries()) {
          for (const one of permissions[i] ?? [])
            writeLine(`  ${role}: ${describePermission(one)}`);
        }
      },
    });
    return exitCode.ok;
  },
});

export const userPasswdCommand = clientCommand({
  name: "user passwd",
  summary: "Change a user's password",
  takes: "NAME [options]",
  about: "Reads the new password from standard input, or asks for it. Tokens of the old one end.",
  words: ofUser,
  examples: [{ command: "althing user passwd ada", what: "asks for the new password" }],
  async run({ client, words, form }) {
    const { name, password } = nameAndPassword(words[0] ?? "");
    await client.unary(
      "etcdserverpb.Auth/UserChangePassword",
      codecs.AuthUserChangePasswordRequest,
      codecs.AuthUserChangePasswordResponse,
      { name, password: password ?? (await askForPassword(name)) },
    );
    return tellDone(form, { user: name, passwordChanged: true }, "Password updated");
  },
});

const ofUserAndRole = ["the name of the user", "the name of the role"];

export const userGrantRoleCommand = clientCommand({
  name: "user grant-role",
  summary: "Give a user a role",
  takes: "NAME ROLE [options]",
  about: "The user may do from now on what the role permits.",
  words: ofUserAndRole,
  examples: [{ command: "althing user grant-role ada readers", what: "she may read now" }],
  async run({ client, words, form }) {
    const [user = "", role = ""] = words;
    await client.unary(
      "etcdserverpb.Auth/UserGrantRole",
      codecs.AuthUserGrantRoleRequest,
      codecs.AuthUserGrantRoleResponse,
      { user, role },
    );
    return tellDone(form, { user, role, granted: true }, `Role ${role} is granted to user ${user}`);
  },
});

export const userRevokeRoleCommand = clientCommand({
  name: "user revoke-role",
  summary: "Take a role from a user",
  takes: "NAME ROLE [options]",
  about: "The user may not do any more what only this role permitted; watches of such keys end.",
  words: ofUserAndRole,
  examples: [{ command: "althing user revoke-role ada readers", what: "she may not any more" }],
  async run({ client, words, form }) {
    const [name = "", role = ""] = words;
    await client.unary(
      "etcdserverpb.Auth/UserRevokeRole",
      codecs.AuthUserRevokeRoleRequest,
      codecs.AuthUserRevokeRoleResponse,
      { name, role },
    );
    return tellDone(
      form,
      { user: name, role, granted: false },
      `Role ${role} is revoked from user ${name}`,
    );
  },
});

export const userDeleteCommand = clientCommand({
  name: "user delete",
  summary: "Delete a user",
  takes: "NAME [options]",
  about: "Deletes a user; tokens of it end at once.",
  words: ofUser,
  examples: [{ command: "althing user delete ada", what: "gone" }],
  async run({ client, words, form }) {
    const [name = ""] = words;
    await client.unary(
      "etcdserverpb.Auth/UserDelete",
      codecs.AuthUserDeleteRequest,
      codecs.AuthUserDeleteResponse,
      { name },
    );
    return tellDone(form, { user: name, deleted: true }, `User ${name} deleted`);
  },
});
