import assert from "node:assert/strict";
import { test } from "node:test";
import { parseListenUrl, parsePeerUrl } from "./peer-url.ts";

test("what is taken for an address can be read as a URL wherever else that is done", () => {
  for (const text of [
    "unix://\\",
    "unix://a\\b:1",
    "unix://a:99999",
    "unix://[",
    "http://127.0.0.1:99999",
    "not a url",
  ]) {
    assert.equal(parsePeerUrl(text), undefined, text);
    assert.equal(parseListenUrl(text), undefined, text);
  }
  for (const text of [
    "unix://etcd.unix:1",
    "unix:///run/althing.sock",
    "unixs://a",
    "http://[::1]:2380",
  ]) {
    assert.equal(parsePeerUrl(text)?.text, text);
    assert.doesNotThrow(() => new URL(text));
  }
});
