// npm's etcd3 (over @grpc/grpc-js) sees the same of three members of either side, also when the member that it
// watches at goes away and comes back.

import { EventEmitter, once } from "node:events";
import { after, before, test } from "node:test";
import { Etcd3, type IKeyValue, type Watcher } from "etcd3";
import { eventually } from "../cluster/cluster.ts";
import { whyMissing } from "../cluster/program.ts";
import { type Side, startSides, stopSides, tellBoth } from "./sides.ts";

const skip = whyMissing("etcd") ?? whyMissing("althing") ?? false;
/** What a client waits for without end fails its test. */
const timeout = 120_000;

let sides: readonly Side[] = [];
before(async () => {
  if (!skip) sides = await startSides({});
});
after(async () => {
  await stopSides(sides);
});

/** What a call came to, as an application would see it; an error by its class and words. */
async function told(side: Side, asked: string, call: () => unknown): Promise<void> {
  let said: unknown;
  try {
    said = (await call()) ?? null;
  } catch (error) {
    const { name, message } = error as Error;
    // How far its attempts to connect had come is chance.
    const says = side.masked(message).replace(/Last error: .*?\. (?=Resolution note)/, "");
    said = { raised: name, says };
  }
  side.note(`etcd3: ${asked}`, said);
}

async function withClient(side: Side, scenario: (client: Etcd3) => Promise<void>): Promise<void> {
  const client = new Etcd3({ hosts: side.endpoints.split(",") });
  try {
    await scenario(client);
  } finally {
    client.close();
  }
}

test("keys, ranges, namespaces and their errors", { skip, timeout }, async () => {
  await tellBoth(sides, (side) =>
    withClient(side, async (client) => {
      const say = (asked: string, call: () => unknown) => told(side, asked, call);
      await say("put", async () => (await client.put("a").value("1")).header.revision);
      await say("put and get", async () =>
        (await client.put("a").value(2).getPrevious())?.value.toString(),
      );
      await say("touch nothing", () => client.put("nothing").touch());
      await say(
        "ignore the lease",
        async () => (await client.put("a").value("3").ignoreLease().exec()).header.revision,
      );
      for (const key of ["p/2", "p/1", "p/3"]) await client.put(key).value(`of ${key}`);
      await say("string", () => client.get("a").string());
      await say("number", () => client.get("a").number());
      await say("nothing", () => client.get("nothing").string());
      await say("exists", () => client.get("a").exists());
      await say("an old revision", () => client.get("a").revision(2).string());
      await say("a future revision", () => client.get("a").revision(10_000).string());
      await say("serializable", () => client.get("a").serializable(true).string());
      await say("all", () => client.getAll().prefix("p/").strings());
      await say("sorted", () =>
        client.getAll().prefix("p/").sort("Mod", "Descend").limit(2).keys(),
      );
      await say("in range", () => client.getAll().inRange({ start: "a", end: "p/2" }).strings());
      await say("count", () => client.getAll().count());
      await say("not before", () => client.getAll().prefix("p/").minModRevision(6).keys());
      await say("a json", async () => {
        await client.put("json").value(JSON.stringify({ a: 1 }));
        return await client.get("json").json();
      });
      await say("delete", async () => (await client.delete().key("a")).deleted);
      await say("delete and get", async () =>
        (await client.delete().prefix("p/").getPrevious()).map(({ key }) => key.toString()),
      );
      const space = client.namespace("space/");
      await space.put("x").value("within");
      await say("within", () => space.getAll().strings());
      await say("from without", () => client.get("space/x").string());
      await say("delete all within", async () => (await space.delete().all()).deleted);
      await say("an empty key", () => client.put("").value("x"));
    }),
  );
});

test("transactions", { skip, timeout }, async () => {
  await tellBoth(sides, (side) =>
    withClient(side, async (client) => {
      const say = (asked: string, call: () => unknown) => told(side, asked, call);
      await client.put("t").value("1");
      for (const value of ["1", "2"]) {
        await say(`if it is ${value}`, async () => {
          const answer = await client
            .if("t", "Value", "==", value)
            .and("t", "Version", ">", 0)
            .then(client.put("t/won").value(value), client.get("t"))
            .else(client.delete().key("t/won"), client.getAll().prefix("t"))
            .commit();
          const kinds = answer.responses.map((one) =>
            Object.keys(one).filter((name) => name !== "response"),
          );
          return [answer.succeeded, answer.header.revision, kinds];
        });
      }
      await say(
        "if it is not there",
        async () =>
          (
            await client
              .if("none", "Create", "==", 0)
              .then(client.put("none").value("now"))
              .commit()
          ).succeeded,
      );
      await say("two puts of one key", () =>
        client
          .if("t", "Version", ">", 0)
          .then(client.put("t").value("1"), client.put("t").value("2"))
          .commit(),
      );
      await say("in memory", () =>
        client.stm().transact(async (txn) => {
          const before = (await txn.get("t").string()) ?? "";
          await txn.put("t").value(`${before}, and more`);
        }),
      );
      await say("what it came to", () => client.get("t").string());
    }),
  );
});

test("leases are kept alive, revoked and lost", { skip, timeout }, async () => {
  await tellBoth(sides, (side) =>
    withClient(side, async (client) => {
      const say = (asked: string, call: () => unknown) => told(side, asked, call);
      // Kept alive by the client every third of its time: at a second it would be gone long since.
      const lease = client.lease(2);
      await lease.put("l/1").value("x");
      await say("the key", () => client.get("l/1").string());
      await once(lease, "keepaliveSucceeded");
      await once(lease, "keepaliveSucceeded");
      await once(lease, "keepaliveSucceeded");
      await say("the key is there", () => client.get("l/1").string());
      await say("keep alive once", async () => (await lease.keepaliveOnce()).TTL);
      const lost = once(lease, "lost");
      const id = await lease.grant();
      await client.leaseClient.leaseRevoke({ ID: id });
      await say("lost", async () => (await lost).map((error: Error) => error.name));
      await say("the key is gone", () => client.get("l/1").string());
      const other = client.lease(60);
      await other.put("l/2").value("x");
      await say("revoke", async () => Boolean(await other.revoke()));
      await say("gone with it", () => client.get("l/2").string());
      await say("put on it", () => other.put("l/3").value("x"));
      await say("revoke what is not", () => client.leaseClient.leaseRevoke({ ID: "4711" }));
    }),
  );
});

test("locks and elections", { skip, timeout }, async () => {
  await tellBoth(sides, (side) =>
    withClient(side, async (client) => {
      const say = (asked: string, call: () => unknown) => told(side, asked, call);
      const lock = client.lock("mutex");
      await lock.acquire();
      await say("locked already", () => client.lock("mutex").acquire());
      await lock.release();
      await say("do it under a lock", () => client.lock("mutex").do(async () => "done"));

      const election = client.election("office", 10);
      const observer = await election.observe();
      const leaders = new EventEmitter();
      const heard: (string | undefined)[] = [];
      observer.on("change", (leader) => {
        heard.push(leader);
        leaders.emit(leader ?? "nobody");
      });
      await say("nobody yet", () => election.leader());
      const heardOne = once(leaders, "one");
      const one = election.campaign("one");
      await one.wait();
      await say("one leads", () => election.leader());
      // Between two looks an observer may miss what is proclaimed in passing.
      await heardOne;
      const other = election.campaign("two");
      await other.getCampaignKey();
      const proclaimed = once(leaders, "one again");
      await one.proclaim("one again");
      await proclaimed;
      const handed = once(leaders, "two");
      // Asked before: it may be elected, on another member's word, before the answer to the resignation is here.
      const elected = other.wait();
      await one.resign();
      await elected;
      await handed;
      await say("two leads", () => election.leader());
      await other.resign();
      await say("nobody leads", () => election.leader());
      await observer.cancel();
      await say("what was heard", () => heard.filter((leader) => leader !== undefined));
    }),
  );
});

test("watches go on when their member has been away", { skip, timeout }, async () => {
  await tellBoth(sides, async (side) => {
    // A client that was closed while it waits to reconnect keeps its process alive until then.
    const soon = { duration: 200, next: () => soon };
    const client = new Etcd3({
      hosts: side.endpoint(2),
      faultHandling: { watchBackoff: soon },
    });
    const elsewhere = new Etcd3({ hosts: side.endpoint(0) });
    const heard: string[] = [];
    const tell = (what: string) => (kv: IKeyValue) => heard.push(`${what} ${kv.key} ${kv.value}`);
    const follow = (watcher: Watcher) =>
      watcher.on("put", tell("put")).on("delete", tell("delete"));
    const has = (count: number) =>
      eventually(`${count} events were heard`, 30_000, () => heard.length >= count);
    try {
      const watcher = follow(await client.watch().prefix("w/").create());
      const single = await client.watch().key("w/1").only("put").withPreviousKV().create();
      single.on("put", (kv, previous) => heard.push(`again ${kv.value} after ${previous?.value}`));
      await elsewhere.put("w/1").value("one");
      await has(2);
      await elsewhere.delete().key("w/1");
      await has(3);
      const member = side.cluster.member(2);
      await member.kill();
      await elsewhere.put("w/2").value("while it was away");
      member.start();
      await side.cluster.waitUntilReady();
      await elsewhere.put("w/1").value("two");
      await has(6);
      side.note("etcd3: watched", heard.toSorted());
      await single.cancel();
      await watcher.cancel();
      await elsewhere.put("w/1").value("nobody hears");
      const past = follow(await client.watch().key("w/2").startRevision("2").create());
      await has(7);
      await past.cancel();
      side.note("etcd3: watched from the past on", heard.slice(6));
    } finally {
      client.close();
      elsewhere.close();
    }
  });
});

test("users: who may do what, and tokens that end", { skip, timeout }, async () => {
  // On clusters of their own: the others' clients have no name.
  const own = await startSides({ args: ["--bcrypt-cost=4"] });
  try {
    await tellBoth(own, async (side) => {
      const say = (asked: string, call: () => unknown) => told(side, asked, call);
      const as = (
        username: string,
        password = `of ${username}`,
        hosts = side.endpoints.split(","),
      ) => new Etcd3({ hosts, auth: { username, password } });
      await withClient(side, async (client) => {
        const root = client.user("root");
        await root.create("of root");
        await root.addRole("root");
        const reader = client.role("reader");
        await say("a role", async () => Boolean(await reader.create()));
        await say("the same role", () => reader.create());
        await reader.grant({ permission: "Read", range: client.range({ prefix: "r/" }) });
        await reader.grant({
          permission: "Readwrite",
          range: client.range({ start: "w", end: "x" }),
        });
        await say("its permissions", async () =>
          (await reader.permissions()).map(({ permission, range }) => [
            permission,
            range.start.toString(),
            range.end.toString(),
          ]),
        );
        const ann = client.user("ann");
        await ann.create("of ann");
        await say("a role that is not", () => ann.addRole("nobody's"));
        await ann.addRole(reader);
        await say("her roles", async () => (await ann.roles()).map(({ name }) => name));
        await client.put("r/1").value("read");
        await client.put("z").value("hidden");
        await client.auth.authEnable();
        await say("without a name", () => client.get("r/1").string());
      });
      const root = as("root");
      const ann = as("ann");
      try {
        await say("she reads", () => ann.get("r/1").string());
        await say("she writes", async () => Boolean(await ann.put("w1").value("hers")));
        await say("she may not read", () => ann.get("z").string());
        await say("she may not write", () => ann.put("r/1").value("x"));
        await say("she may not see all", () => ann.getAll().keys());
        await say("she may not in a transaction", () =>
          ann.if("r/1", "Version", ">", 0).then(ann.put("z").value("x")).commit(),
        );
        await say("she manages nobody", () => ann.user("bob").create("x"));
        await say("she may not watch", async () => {
          const watcher = await ann.watch().key("z").create();
          await watcher.cancel();
        });
        await say("a wrong password", async () => {
          const wrong = as("ann", "guessed");
          try {
            await wrong.get("r/1").string();
          } finally {
            wrong.close();
          }
        });
        await say("users", async () => (await root.getUsers()).map(({ name }) => name).toSorted());
        // Its token ends with the old password; the client asks for another one.
        await root.user("root").setPassword("of root");
        await say("with an ended token", () => root.get("z").string());
        await say("and again", () => root.get("z").string());
        await ann
          .role("reader")
          .grant({ permission: "Read", range: root.range("z") })
          .catch(() => {});
        await root.role("reader").grant({ permission: "Read", range: root.range("z") });
        await say("what was granted since", () => ann.get("z").string());
        await root.user("ann").removeRole("reader");
        await say("what was taken", () => ann.get("r/1").string());
        await root.user("ann").delete();
        await say("she is gone", () => ann.get("r/1").string());
      } finally {
        root.close();
        ann.close();
      }
    });
  } finally {
    await stopSides(own);
  }
});

test("the cluster, and a member that is not there", { skip, timeout }, async () => {
  await tellBoth(sides, async (side) => {
    await withClient(side, async (client) => {
      const members = await client.cluster.memberList({});
      side.note("etcd3: members", members.members.map(({ name }) => name).toSorted());
      const status = await client.maintenance.status();
      side.note("etcd3: status", Number(status.dbSize) > 0);
      await told(side, "remove a member", () => client.cluster.memberRemove({ ID: "4711" }));
      await told(side, "compact the future", () => client.kv.compact({ revision: "1000000" }));
      await told(side, "a wrong password", () =>
        client.auth.authenticate({ name: "x", password: "y" }),
      );
      await told(side, "users", async () => (await client.getUsers()).length);
      await told(side, "roles", async () => (await client.getRoles()).length);
    });
    const nobody = new Etcd3({ hosts: "http://127.0.0.1:1" });
    await told(side, "nobody there", () => nobody.get("a").string());
    nobody.close();
  });
});
