// The whole story of auth as etcdctl tells it: users, roles and permissions before and after it is enabled, by root,
// by one who may do little, and by nobody.

import type { Side } from "../sides.ts";
import { forms } from "./keys.ts";
import { etcdctl } from "./run.ts";

const root = "--user=root:pw";
const least = "--user=app:secret";
/** Twice, as it is asked at a terminal; here it is read from the input. */
const typed = (password: string) => ({ input: `${password}\n` });

export async function auth(side: Side): Promise<void> {
  const say = (...args: string[]) => etcdctl(side, args);
  for (const key of ["app/1", "app/2", "apq", "other"]) await say("put", key, `value of ${key}`);

  // Before it is enabled nobody is asked who he is.
  await say("auth", "enable");
  await say("auth", "disable");
  await say("user", "add", "root:pw");
  await say("user", "add", "root:pw");
  await say("user", "add", "app:secret");
  await say("user", "add", "gone:gone");
  await say("user", "add", "keyless", "--no-password");
  await etcdctl(side, ["user", "add", "asked", "--interactive=false"], typed("typed"));
  await say("user", "get", "root");
  await say("user", "get", "nobody");
  await say("user", "delete", "nobody");
  await say("user", "grant-role", "root", "root");
  await say("user", "grant-role", "app", "missing");
  for (const role of ["app", "wide", "spare"]) await say("role", "add", role);
  await say("role", "add", "app");
  await say("role", "get", "missing");
  await say("role", "delete", "missing");
  await say("role", "grant-permission", "app", "readwrite", "app/", "--prefix");
  await say("role", "grant-permission", "app", "read", "app0");
  await say("role", "grant-permission", "app", "read", "app1", "app5");
  await say("role", "grant-permission", "app", "nonsense", "x");
  await say("role", "grant-permission", "missing", "read", "x");
  await say("role", "grant-permission", "wide", "read", "x", "--from-key");
  await say("role", "grant-permission", "wide", "write", "", "--prefix");
  await say("role", "grant-permission", "spare", "write", "y");
  await say("role", "grant-permission", "spare", "read", "y");
  await say("role", "revoke-permission", "spare", "z");
  await say("role", "revoke-permission", "spare", "y");
  await say("role", "revoke-permission", "wide", "x", "--from-key");
  for (const role of ["app", "wide", "spare", "root"]) await say("role", "get", role);
  await say("user", "grant-role", "app", "app");
  await say("user", "grant-role", "app", "app");
  await say("user", "grant-role", "app", "spare");
  await say("user", "revoke-role", "app", "wide");
  await say("user", "get", "app");
  await say("user", "get", "app", "--detail");
  await say("auth", "enable");

  // Nobody, somebody unknown, a wrong password, one who needs none.
  const callers = [[], ["--user=app:wrong"], ["--user=ghost:pw"], ["--user=keyless:x"]];
  for (const caller of callers) {
    await say("get", "app/1", ...caller);
    await say("put", "app/1", "x", ...caller);
    await say("user", "list", ...caller);
  }

  // On every member, in every form.
  for (const [at, form] of forms.entries()) {
    const as = (user: string, ...args: string[]) =>
      etcdctl(side, [...args, user, "-w", form], { at: at % 3 });
    for (const user of [root, least]) {
      await as(user, "get", "app/1");
      await as(user, "get", "app/", "--prefix");
      await as(user, "get", "app/", "app1");
      await as(user, "get", "app/", "app5");
      await as(user, "get", "app/", "app6");
      await as(user, "get", "app/", "--from-key");
      await as(user, "get", "other");
      await as(user, "get", "app/1", "--consistency=s");
      await as(user, "put", "app/3", "three", "--prev-kv");
      await as(user, "put", "app0", "not to be written", "--prev-kv");
      await as(user, "put", "other", "o");
      await as(user, "del", "app/3");
      await as(user, "del", "app0", "--from-key", "--prev-kv");
      await as(user, "del", "app/", "apq");
      await as(user, "user", "list");
      await as(user, "role", "list");
      await as(user, "user", "get", "app");
      await as(user, "user", "get", "root");
      await as(user, "role", "get", "app");
      await as(user, "role", "get", "spare");
      await as(user, "role", "get", "wide");
      // Ids decide the order of members, and they are each cluster's own.
      await etcdctl(side, ["member", "list", user], { isUnordered: true });
      await as(user, "role", "add", "app");
      await as(user, "put", "app/1", "value of app/1");
    }
  }

  // A txn is permitted as a whole, whichever branch it takes.
  for (const script of [
    'value("app/1") = "x"\n\nput app/4 1\n\nget app/1\n\n',
    'value("other") = "x"\n\nget app/1\n\n\n',
    'value("app/1") = "x"\n\nput other 1\n\nget app/1\n\n',
    'value("app/1") = "x"\n\nget app/1\n\nget other\n\n',
  ]) {
    for (const user of [least, root]) await etcdctl(side, ["txn", user], { input: script });
  }

  // While it is enabled, what makes root root stays.
  await say("user", "delete", "root", root);
  await say("user", "revoke-role", "root", "root", root);
  await say("auth", "enable", root);

  // Passwords, users and roles that go.
  await etcdctl(side, ["user", "passwd", "app", "--interactive=false", root], typed("changed"));
  await say("get", "app/1", least);
  await say("get", "app/1", "--user=app:changed");
  await etcdctl(side, ["user", "passwd", "ghost", "--interactive=false", root], typed("x"));
  await say("get", "app/1", "--user=asked:typed");
  await say("user", "grant-role", "asked", "app", root);
  await say("get", "app/1", "--user=asked", "--password=typed");
  await say("user", "revoke-role", "asked", "app", root);
  await say("get", "app/1", "--user=asked", "--password=typed");
  await say("role", "revoke-permission", "app", "app/", "--prefix", root);
  await say("get", "app/1", "--user=app:changed");
  await say("role", "delete", "app", root);
  await say("user", "get", "app", root);
  await say("user", "delete", "gone", root);
  await say("get", "app/1", "--user=gone:gone");
  await say("user", "list", root);
  await say("auth", "disable", least);
  await say("auth", "disable", root);
  await say("get", "other");
  await say("get", "other", root);
}
