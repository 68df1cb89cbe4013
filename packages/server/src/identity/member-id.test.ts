import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrapClusterId, bootstrapMemberId } from "./member-id.ts";

test("ids are those that etcd derives from the same words", () => {
  // What etcd 3.4 prints when it is started with no flags at all.
  const member = bootstrapMemberId(["http://localhost:2380"], "etcd-cluster");
  assert.equal(member, "8e9e05c52164694d");
  assert.equal(bootstrapClusterId([member]), "cdf818194e3a8c32");
});

test("the order in which urls and members are written does not matter", () => {
  const urls = ["http://10.0.0.2:2380", "http://10.0.0.1:2380"];
  assert.equal(bootstrapMemberId(urls, "t"), bootstrapMemberId([...urls].reverse(), "t"));
  const ids = [bootstrapMemberId(["http://a:1"], "t"), bootstrapMemberId(["http://b:1"], "t")];
  assert.equal(bootstrapClusterId(ids), bootstrapClusterId([...ids].reverse()));
  assert.notEqual(bootstrapMemberId(urls, "t"), bootstrapMemberId(urls, "other"));
});

test("founders that were given other quorums are of another cluster", () => {
  const ids = ["8e9e05c52164694d", "91bc3c398fb3c146"];
  const clusters = ["", "2,1", "1,2"].map((terms) => bootstrapClusterId(ids, terms));
  assert.equal(new Set(clusters).size, 3);
  assert.equal(clusters[0], bootstrapClusterId(ids));
});
