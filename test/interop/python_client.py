"""What python3-etcd3, Debian's gRPC client in Python, sees of the cluster that it is given.

Prints one line of JSON per call: what was asked and what came. The test runs it against etcd and against Althing
and compares the lines. Ids and times are left out here, since only the client knows where they are.
"""

import io
import json
import sys
import threading
import time

import etcd3

host, port = sys.argv[1].split(":")
client = etcd3.client(host=host, port=int(port), timeout=10)


def plain(value):
    if isinstance(value, bytes):
        return value.decode("latin1")
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, etcd3.events.Event):
        return [type(value).__name__, plain(value.key), plain(value.value), value.mod_revision, plain(value.prev_value)]
    if hasattr(value, "create_revision"):
        return {
            "key": plain(value.key),
            "created": value.create_revision,
            "modified": value.mod_revision,
            "version": value.version,
            "is_leased": value.lease_id != 0,
        }
    if hasattr(value, "DESCRIPTOR"):
        return {name: plain(getattr(value, name)) for name in ("deleted", "prev_kvs") if hasattr(value, name)}
    if value is None or isinstance(value, (bool, int, str, float, dict)):
        return value
    return str(value)


def tell(asked, said):
    print(json.dumps([asked, plain(said)]), flush=True)


def told(asked, call):
    try:
        tell(asked, call())
    except Exception as error:  # What it raises is what an application would see.
        text = getattr(error, "details", lambda: str(error))()
        tell(asked, {"raised": type(error).__name__, "says": text})


def keys():
    told("put", lambda: client.put("a", "1") and None)
    told("put with the previous", lambda: client.put("a", "2", prev_kv=True).prev_kv.value)
    told("put if it is not there", lambda: client.put_if_not_exists("a", "3"))
    told("put if it is not there", lambda: client.put_if_not_exists("b", "3"))
    told("replace", lambda: client.replace("a", "2", "4"))
    told("replace", lambda: client.replace("a", "2", "5"))
    told("get", lambda: client.get("a"))
    told("get from the member itself", lambda: client.get("a", serializable=True))
    told("get nothing", lambda: client.get("nothing"))
    for key in ("p/2", "p/1", "p/3"):
        client.put(key, "of " + key)
    told("prefix", lambda: list(client.get_prefix("p/")))
    told("prefix, descending", lambda: list(client.get_prefix("p/", sort_order="descend", sort_target="mod")))
    told("prefix, keys only", lambda: list(client.get_prefix("p/", keys_only=True)))
    told("range", lambda: list(client.get_range("a", "p/2")))
    told("all", lambda: len(list(client.get_all())))
    told("delete", lambda: client.delete("b"))
    told("delete again", lambda: client.delete("b"))
    told("delete with the previous", lambda: client.delete("p/3", prev_kv=True, return_response=True).prev_kvs[0].value)
    told("delete a prefix", lambda: client.delete_prefix("p/").deleted)
    told("put an empty key", lambda: client.put("", "x"))
    told("put on no lease", lambda: client.put("a", "x", lease=4711))


def transactions():
    of = client.transactions
    client.put("t", "1")
    for name, compare in {
        "value": [of.value("t") == "1"],
        "another value": [of.value("t") != "1"],
        "version": [of.version("t") > 0, of.version("t") < 9],
        "creation": [of.create("none") == 0],
        "modification": [of.mod("t") > 1000000],
        "nothing": [],
    }.items():
        told(
            "txn on " + name,
            lambda compare=compare: client.transaction(
                compare=compare,
                success=[of.put("t/won", name), of.get("t"), of.get("t/", range_end="t0")],
                failure=[of.delete("t/won", prev_kv=True), of.get("t/won")],
            ),
        )
    nested = of.txn(compare=[of.value("t") == "1"], success=[of.put("t/inner", "1")], failure=[])
    told("txn within a txn", lambda: client.transaction(compare=[], success=[nested], failure=[])[0])
    told("two puts of one key", lambda: client.transaction(compare=[], success=[of.put("t", "1"), of.put("t", "2")], failure=[]))


def watches():
    heard, last = [], threading.Event()

    def callback(response):
        for event in response.events:
            heard.append(plain(event))
            if event.key == b"w/last":
                last.set()

    first = client.put("w/0", "before").header.revision
    by_callback = client.add_watch_prefix_callback("w/", callback, start_revision=first, prev_kv=True)
    events, cancel = client.watch("w/1")
    client.put("w/1", "one")
    client.delete("w/1")
    told("watched: a put", lambda: next(events))
    told("watched: a delete", lambda: next(events))
    cancel()
    told("watched: nothing more", lambda: list(events))
    client.transaction(compare=[], success=[client.transactions.put("w/2", "a"), client.transactions.put("w/1", "b")], failure=[])
    client.put("w/last", "")
    last.wait(20)
    tell("by callback", heard)
    client.cancel_watch(by_callback)
    told("watch once, in vain", lambda: client.watch_once("w/none", timeout=0.5))
    threading.Timer(0.3, lambda: client.put("w/once", "x")).start()
    told("watch once", lambda: client.watch_once("w/once", timeout=20))
    client.compact(first + 1)
    told("watch what is compacted", lambda: next(client.watch("w/0", start_revision=first)[0]))


def leases():
    lease = client.lease(60)
    told("a lease", lambda: [lease.ttl, lease.granted_ttl, 55 < lease.remaining_ttl <= 60, lease.keys])
    client.put("l/1", "x", lease=lease)
    client.put("l/2", "x", lease=lease.id)
    told("its keys", lambda: sorted(lease.keys))
    told("the key", lambda: client.get("l/1"))
    told("refresh", lambda: [one.TTL for one in lease.refresh()])
    told("revoke", lambda: lease.revoke())
    told("gone with it", lambda: list(client.get_prefix("l/")))
    told("revoke again", lambda: lease.revoke())
    told("refresh what is gone", lambda: [one.TTL for one in lease.refresh()])
    told("what is left of it", lambda: lease.remaining_ttl)
    told("a lease with an id", lambda: client.lease(30, 0x1234).id)
    told("the same id", lambda: client.lease(30, 0x1234).id)
    client.revoke_lease(0x1234)
    short = client.lease(1)
    gone = threading.Event()
    watch = client.add_watch_callback("l/short", lambda r: [gone.set() for e in r.events if isinstance(e, etcd3.events.DeleteEvent)])
    client.put("l/short", "lived", lease=short)
    tell("it ends by itself", gone.wait(20))
    client.cancel_watch(watch)


def locks():
    one = client.lock("mutex", ttl=20)
    other = client.lock("mutex", ttl=20)
    told("lock", lambda: one.acquire(timeout=5))
    told("is it held", lambda: [one.is_acquired(), other.is_acquired()])
    told("refresh the lock", lambda: [r.TTL for r in one.refresh()])
    # One that has to wait fails with Debian's release of tenacity, on its own side: it is not asked to.
    told("release", lambda: one.release())
    told("lock what is released", lambda: other.acquire(timeout=5))
    told("release what is another's", lambda: one.release())
    told("release", lambda: other.release())
    with client.lock("mutex"):
        tell("within", client.get("/locks/mutex")[0] is not None)
    told("after", lambda: client.get("/locks/mutex")[0])


def added():
    # For its first five seconds a cluster takes no member, whoever it is.
    for _ in range(100):
        try:
            return client.add_member([list(client.members)[0].peer_urls[0]])
        except etcd3.exceptions.ConnectionFailedError:
            time.sleep(0.1)


def maintenance():
    told("members", lambda: sorted([one.name, len(one.peer_urls), len(one.client_urls)] for one in client.members))
    told("alarms", lambda: list(client.list_alarms()))
    told("disarm", lambda: list(client.disarm_alarm()))
    told("raise an alarm", lambda: [one.alarm_type for one in client.create_alarm(4711)])
    told("alarms now", lambda: [[one.alarm_type, one.member_id] for one in client.list_alarms()])
    told("put without space", lambda: client.put("a", "x"))
    told("disarm that one", lambda: [one.alarm_type for one in client.disarm_alarm(4711)])
    told("put with space", lambda: client.put("a", "x") and None)
    told("hash", lambda: isinstance(client.hash(), int))
    told("status", lambda: [client.status().leader.name in ("m1", "m2", "m3"), client.status().db_size > 0])
    told("defragment", lambda: client.defragment())
    file = io.BytesIO()
    told("snapshot", lambda: client.snapshot(file))
    tell("what the digest leaves of it", len(file.getvalue()) % 512)
    told("compact the future", lambda: client.compact(10**6))
    told("compact", lambda: client.compact(client.get("a")[1].mod_revision, physical=True))
    told("compact again", lambda: client.compact(client.get("a")[1].mod_revision))
    told("add a member where one is", added)
    told("remove a member that is not", lambda: client.remove_member(4711))
    told("update a member that is not", lambda: client.update_member(4711, ["http://127.0.0.1:1"]))


for story in (keys, transactions, watches, leases, locks, maintenance):
    story()
client.close()
