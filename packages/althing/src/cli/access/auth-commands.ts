// `althing auth enable | disable | status`

import { etcdCodecs as codecs } from "@althing/wire";
import { clientCommand } from "../client-command.ts";
import { tellDone } from "../done.ts";

export const authEnableCommand = clientCommand({
  name: "auth enable",
  summary: "Ask everybody who they are from now on",
  about: `From now on every request needs a user, and may do what its roles permit. There must be a user "root" with
the role "root" first.`,
  examples: [
    { command: "althing auth enable", what: "after: user add root, user grant-role root root" },
  ],
  async run({ client, form }) {
    await client.unary(
      "etcdserverpb.Auth/AuthEnable",
      codecs.AuthEnableRequest,
      codecs.AuthEnableResponse,
      {},
    );
    return tellDone(form, { enabled: true }, "Authentication Enabled");
  },
});

export const authDisableCommand = clientCommand({
  name: "auth disable",
  summary: "Let everybody do everything again",
  about: "Every request may do everything again. Users and roles are kept.",
  examples: [{ command: "althing auth disable --user root:secret", what: "root may" }],
  async run({ client, form }) {
    await client.unary(
      "etcdserverpb.Auth/AuthDisable",
      codecs.AuthDisableRequest,
      codecs.AuthDisableResponse,
      {},
    );
    return tellDone(form, { enabled: false }, "Authentication Disabled");
  },
});

export const authStatusCommand = clientCommand({
  name: "auth status",
  summary: "Whether users are asked for",
  about: "Prints whether auth is enabled, and the revision of users and roles.",
  examples: [{ command: "althing auth status -o json", what: "for a program" }],
  async run({ client, form }) {
    const { enabled, authRevision } = await client.unary(
      "etcdserverpb.Auth/AuthStatus",
      codecs.AuthStatusRequest,
      codecs.AuthStatusResponse,
      {},
    );
    return tellDone(
      form,
      { enabled, authRevision },
      `Authentication Status: ${enabled}\nAuthRevision: ${authRevision}`,
    );
  },
});
