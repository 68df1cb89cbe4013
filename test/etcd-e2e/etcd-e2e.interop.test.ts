// etcd's own end-to-end tests pass against Althing: the real etcdctl and curl, driven by the tests that etcd's
// developers wrote for etcd, under TLS, auth and every command. What is left out is named with its reason.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { leftOut } from "./left-out.ts";
import { EtcdSuite, whyNotHere } from "./suite.ts";

const skip = whyNotHere() ?? false;

if (skip) test("etcd's own end-to-end tests", { skip }, () => {});
else {
  const suite = new EtcdSuite();
  const names = suite.names();
  after(() => suite.close());

  test("every reason to leave tests out still leaves some out", () => {
    for (const { names: pattern } of leftOut) {
      assert.ok(
        names.some((name) => pattern.test(name)),
        `${pattern} matches no test: remove it`,
      );
    }
  });

  const asked = names.filter((name) => !leftOut.some(({ names: pattern }) => pattern.test(name)));
  test("most of etcd's tests are asked", () => {
    assert.ok(asked.length >= 175, `${asked.length} of ${names.length}`);
  });

  // Two at a time: they wait for processes most of the time.
  describe("etcd's own end-to-end tests", { concurrency: 2 }, () => {
    for (const name of asked) {
      test(name, async () => {
        const said = await suite.run(name);
        assert.equal(said, undefined, said);
      });
    }
  });
}
