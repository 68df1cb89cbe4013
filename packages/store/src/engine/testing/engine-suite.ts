// What every engine must do, whatever it keeps its records in. `open` is a start, `restart` a clean
// stop and a new start in the same place.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, textOf } from "../../testing/commands.ts";
import { type Engine, emptyHead, type Head } from "../port.ts";

export interface EnginePlace {
  open(): Engine;
  /** Undefined where nothing survives. */
  readonly survives: boolean;
  cleanUp(): void;
}

function headAt(index: number, revision: number): Head {
  const point = { index, epoch: 2, proposer: "p", meta: bytesOf(`meta ${index}`) };
  return { point, revision, compactRevision: -1, hash: index * 7 };
}

export function flushed(engine: Pick<Engine, "flush">): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.flush((error) => (error === undefined ? resolve() : reject(error)));
  });
}

export function closed(closable: { close(done: () => void): void }): Promise<void> {
  return new Promise((resolve) => closable.close(resolve));
}

function recordsOf(engine: Engine, main = 0, sub = 0): string[] {
  const records: string[] = [];
  engine.scan(main, sub, (recordMain, recordSub, _handle, record) => {
    records.push(`${recordMain}.${recordSub}=${textOf(record)}`);
    return true;
  });
  return records;
}

function loadedFrom(engine: Engine): string[] {
  const records: string[] = [];
  engine.load((main, sub, _handle, bytes, start, end) => {
    records.push(`${main}.${sub}=${textOf(bytes.subarray(start, end))}`);
  });
  return records;
}

export function engineSuite(name: string, createPlace: () => EnginePlace): void {
  const inPlace = (title: string, run: (place: EnginePlace) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      const place = createPlace();
      try {
        await run(place);
      } finally {
        place.cleanUp();
      }
    });
  };

  inPlace("a new engine is empty", async (place) => {
    const engine = place.open();
    assert.deepEqual(loadedFrom(engine), []);
    assert.deepEqual(engine.head, emptyHead);
    assert.deepEqual(engine.tableNames(), []);
    await closed(engine);
  });

  inPlace(
    "what is appended is read and scanned at once, before and after a flush",
    async (place) => {
      const engine = place.open();
      engine.load(() => {});
      const first = engine.append(2, 0, bytesOf("two"));
      const second = engine.append(3, 0, bytesOf("three"));
      const third = engine.append(3, 1, bytesOf("more"));
      engine.commit(headAt(1, 3));
      const check = (): void => {
        assert.equal(textOf(engine.read(2, 0, first)), "two");
        assert.equal(textOf(engine.read(3, 0, second)), "three");
        assert.equal(textOf(engine.read(3, 1, third)), "more");
        assert.deepEqual(recordsOf(engine), ["2.0=two", "3.0=three", "3.1=more"]);
        assert.deepEqual(recordsOf(engine, 3, 1), ["3.1=more"]);
        assert.deepEqual(recordsOf(engine, 4), []);
      };
      check();
      await flushed(engine);
      check();
      engine.append(4, 0, bytesOf("four"));
      engine.commit(headAt(2, 4));
      assert.deepEqual(recordsOf(engine, 3, 1), ["3.1=more", "4.0=four"]);
      await closed(engine);
    },
  );

  inPlace("a removed record stays away, also when its neighbours are rewritten", async (place) => {
    const engine = place.open();
    engine.load(() => {});
    const handles: number[] = [];
    for (let main = 2; main < 500; main++)
      handles[main] = engine.append(main, 0, bytesOf(`v${main}`));
    engine.commit(headAt(1, 499));
    await flushed(engine);
    for (let main = 2; main < 500; main++) {
      if (main % 10 !== 0) engine.remove(main, 0, handles[main]!);
    }
    engine.commit(headAt(2, 499));
    await flushed(engine);
    engine.commit(headAt(3, 499));
    await flushed(engine);
    const expected = Array.from({ length: 49 }, (_, i) => `${(i + 1) * 10}.0=v${(i + 1) * 10}`);
    assert.deepEqual(recordsOf(engine), expected);
    assert.equal(textOf(engine.read(490, 0, handles[490]!)), "v490");
    await closed(engine);
    if (!place.survives) return;
    const again = place.open();
    assert.deepEqual(loadedFrom(again), expected);
    await closed(again);
  });

  inPlace("tables keep their last values", async (place) => {
    const engine = place.open();
    engine.load(() => {});
    const value = bytesOf("1");
    engine.put("t", "b", value);
    value[0] = 0;
    engine.put("t", "a", bytesOf("2"));
    engine.put("u", "c", bytesOf("3"));
    engine.put("t", "a", bytesOf("4"));
    engine.delete("u", "c");
    engine.commit(headAt(1, 1));
    const expected = [
      ["a", bytesOf("4")],
      ["b", bytesOf("1")],
    ];
    assert.deepEqual(engine.entries("t").sort(), expected);
    assert.deepEqual(engine.tableNames(), ["t"]);
    await flushed(engine);
    await closed(engine);
    if (!place.survives) return;
    const again = place.open();
    assert.deepEqual(again.entries("t").sort(), expected);
    assert.deepEqual(again.tableNames(), ["t"]);
    await closed(again);
  });

  inPlace("a restart finds the head that was flushed, and its records", async (place) => {
    if (!place.survives) return;
    const engine = place.open();
    engine.load(() => {});
    engine.append(2, 0, bytesOf("two"));
    engine.commit(headAt(9, 2));
    await flushed(engine);
    assert.deepEqual(engine.durable(), headAt(9, 2).point);
    await closed(engine);
    const again = place.open();
    assert.deepEqual(again.head, headAt(9, 2));
    assert.deepEqual(loadedFrom(again), ["2.0=two"]);
    assert.deepEqual(again.durable(), headAt(9, 2).point);
    await closed(again);
  });

  inPlace("a restore changes nothing until it is installed, then everything", async (place) => {
    const engine = place.open();
    engine.load(() => {});
    engine.append(2, 0, bytesOf("old"));
    engine.put("t", "k", bytesOf("old"));
    engine.commit(headAt(5, 2));
    await flushed(engine);
    const aborted = engine.beginRestore();
    aborted.append(7, 0, bytesOf("never"));
    aborted.abort();
    const stage = engine.beginRestore();
    const handle = stage.append(3, 0, bytesOf("new"));
    stage.put("t", "n", bytesOf("new"));
    assert.deepEqual(recordsOf(engine), ["2.0=old"]);
    assert.deepEqual(engine.head, headAt(5, 2));
    await new Promise<void>((resolve, reject) => {
      stage.install(headAt(4, 3), (error) => (error === undefined ? resolve() : reject(error)));
    });
    const check = (restored: Engine): void => {
      assert.deepEqual(restored.head, headAt(4, 3));
      assert.deepEqual(restored.entries("t"), [["n", bytesOf("new")]]);
    };
    check(engine);
    assert.deepEqual(recordsOf(engine), ["3.0=new"]);
    assert.equal(textOf(engine.read(3, 0, handle)), "new");
    engine.append(4, 0, bytesOf("after"));
    engine.commit(headAt(5, 4));
    assert.deepEqual(recordsOf(engine), ["3.0=new", "4.0=after"]);
    await flushed(engine);
    await closed(engine);
    if (!place.survives) return;
    const again = place.open();
    assert.deepEqual(loadedFrom(again), ["3.0=new", "4.0=after"]);
    assert.deepEqual(again.head, headAt(5, 4));
    await closed(again);
  });

  inPlace("closing while a restore is being installed waits for it", async (place) => {
    const engine = place.open();
    engine.load(() => {});
    engine.append(2, 0, bytesOf("old"));
    engine.commit(headAt(1, 2));
    const stage = engine.beginRestore();
    stage.append(3, 0, bytesOf("new"));
    let outcome: Error | undefined | "none" = "none";
    stage.install(headAt(4, 3), (error) => {
      outcome = error;
    });
    await closed(engine);
    assert.equal(outcome, undefined);
    if (!place.survives) return;
    const again = place.open();
    assert.deepEqual(loadedFrom(again), ["3.0=new"]);
    assert.deepEqual(again.head, headAt(4, 3));
    await closed(again);
  });
}
