/**
 * Random tasks in tenon beside the model of the specification's reference: every choice of the scheduler is one the
 * specification leaves, every answer and event one that may be given, nothing that could go on is left, and promises and signals
 * say what became of calls. And the model itself: it refuses what is not so.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Component } from "../../host/runtime/types.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { compileBytes } from "../compile.ts";
import { scaled, seed } from "../differential/budget.ts";
import { Checker, Mismatch } from "./async-model/checker.ts";
import { drive } from "./async-model/drive.ts";
import { guestText, type GuestOptions } from "./async-model/guest.ts";
import { operations, tells, type Operation, type OperationName } from "./async-model/ops.ts";

const suspends = "Suspending" in WebAssembly;

interface Profile {
  readonly what: string;
  readonly guest: GuestOptions;
}

// An engine without stack switching cannot have a task wait where it stands, so there is nothing to compare.
const blocking = (guest: Omit<GuestOptions, "blocking">, what: string): readonly Profile[] => [
  { what, guest: { ...guest, blocking: false } },
  ...(suspends
    ? [{ what: `${what}, of tasks that also wait where they stand`, guest: { ...guest, blocking: true } }]
    : []),
];
const profiles: readonly Profile[] = [
  ...blocking({ element: "u8", streams: false }, "calls"),
  ...blocking({ element: "none", streams: true }, "streams of nothing"),
  ...blocking({ element: "u8", streams: true }, "streams of bytes"),
  ...blocking({ element: "u32", streams: true }, "streams of aligned numbers"),
];

describe.each(profiles)("$what", ({ guest }) => {
  let component: Component;
  beforeAll(async () => {
    component = await compileBytes(await parseWat(guestText(guest)), JSON.stringify(guest), { name: "interpreter" });
  });

  test.each([
    { how: "as they may", hostile: 0, words: 120, runs: 25 },
    { how: "with a rule broken now and then", hostile: 5, words: 250, runs: 25 },
    { how: "with rules broken at once", hostile: 80, words: 120, runs: 25 },
  ])("run $how as the model says", async ({ hostile, words, runs }) => {
    for (let run = 0; run < scaled(runs); run++) {
      await drive(component, { guest, seed: seed + run, words, hostile });
    }
  });
});

describe("the model", () => {
  /** A host that is told what to do: the checker with a list of operations, and calls of it by hand. */
  function checkerOf(...words: readonly (readonly [name: OperationName, a?: number, b?: number])[]): Checker {
    const list = words.map(([name, a = 0, b = 0]): Operation => ({ name, a, b, c: 0 }));
    const options = { element: "u8", blocking: true, streams: true } as const;
    return new Checker(options, { operation: () => list.shift()!, hostAnswer: () => undefined });
  }
  const start = (checker: Checker, id: number): void => checker.tell(id, tells.start, 0, 0, 0);
  const answer = (checker: Checker, id: number, ...given: readonly [number, number, number]): void => {
    expect(Number(checker.next(id) & 0xffn)).toBeLessThan(operations.length);
    checker.tell(id, tells.answer, ...given);
  };

  test("takes a call that gives its result and exits", () => {
    const checker = checkerOf(["set.new"], ["task.return", 7], ["exit"]);
    const caller = checker.invoke("main", "plain", 1);
    start(checker, 1);
    answer(checker, 1, 1, 0, 0);
    answer(checker, 1, 0, 0, 0);
    checker.next(1);
    checker.unwind();
    expect(caller.outcome).toEqual({ value: 7 });
    expect(checker.ready()).toEqual([]);
  });

  test("refuses another answer than the one there is", () => {
    const checker = checkerOf(["set.new"]);
    checker.invoke("main", "plain", 1);
    start(checker, 1);
    expect(() => answer(checker, 1, 2, 0, 0)).toThrow("answers 2 0 0, not one of 1 0 0");
  });

  test("refuses a task that begins beside one that has the instance to itself", () => {
    const checker = checkerOf(["thread.yield"]);
    checker.invoke("main", "plain", 1);
    start(checker, 1);
    checker.next(1);
    checker.unwind();
    checker.invoke("main", "plain", 2);
    expect(() => start(checker, 2)).toThrow("task 2 starts, but it may not enter");
  });

  test("refuses that a task stops in the middle of what cannot wait", () => {
    const checker = checkerOf(["set.new"]);
    checker.invoke("main", "plain", 1);
    start(checker, 1);
    checker.next(1);
    expect(() => checker.unwind()).toThrow(Mismatch);
  });

  test("refuses an event that nothing has", () => {
    const checker = checkerOf(["set.new"], ["until-event", 1]);
    checker.invoke("main", "plain", 1);
    start(checker, 1);
    answer(checker, 1, 1, 0, 0);
    checker.next(1);
    expect(() => checker.tell(1, tells.event, 1, 1, 2)).toThrow("gets the event 1 1 2, not one of none");
  });

  test("says which tasks are left though they could go on", () => {
    const checker = checkerOf(["call-host", 9, 512], ["set.new"], ["join", 1, 2], ["until-event", 2]);
    checker.invoke("main", "plain", 1);
    start(checker, 1);
    answer(checker, 1, 17, 0, 0);
    answer(checker, 1, 2, 0, 0);
    answer(checker, 1, 0, 0, 0);
    checker.next(1);
    checker.unwind();
    expect(checker.ready()).toEqual([]);
    checker.answer(9, 5);
    expect(checker.ready().map(({ id }) => id)).toEqual([1]);
    checker.tell(1, tells.event, 1, 1, 2);
  });

  test("has nothing go on after a rule was broken", () => {
    const checker = checkerOf(["task.cancel"]);
    checker.invoke("main", "plain", 1);
    start(checker, 1);
    checker.next(1);
    expect(checker.trapped?.codes).toEqual(["invalid-task-return"]);
    expect(() => checker.tell(1, tells.answer, 0, 0, 0)).toThrow("goes on after a trap");
  });

  test("moves what a stream's ends agree on, and tells the other end", () => {
    const checker = checkerOf();
    checker.main.memory.set([1, 2, 3], 1024);
    const [readable, writable] = checker.main.open("stream");
    const [reader, writer] = [
      checker.main.end(readable, "stream", "read"),
      checker.main.end(writable, "stream", "write"),
    ];
    reader.start(checker.main, 2048, 5);
    expect(reader.hasEvent()).toBe(false);
    writer.start(checker.main, 1024, 3);
    expect(writer.takeEvent()).toEqual([3, writable, 3 * 16]);
    expect(reader.takeEvent()).toEqual([2, readable, 3 * 16]);
    expect([...checker.main.memory.subarray(2048, 2052)]).toEqual([1, 2, 3, 0]);
    writer.drop();
    reader.start(checker.main, 2048, 1);
    expect([reader.takeEvent(), reader.state]).toEqual([[2, readable, 1], "done"]);
  });
});
