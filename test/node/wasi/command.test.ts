/** Programs of C, compiled by Debian's clang, under `tenon/wasi`: skipped, by name, where there is no such compiler; in CI that is a failure. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { createHost, type Module, type TrapError } from "../../../host/node/index.ts";
import { type AccessEvent, runCommand, wasi, type WasiOptions } from "../../../host/node/wasi.ts";
import { clang, command } from "./support.ts";

const host = createHost();
afterEach(() => vi.restoreAllMocks());

let count = 0;

/** Runs a program and gives its exit code and what it wrote. */
async function run(
  bytes: Uint8Array<ArrayBuffer>,
  options: WasiOptions = {},
): Promise<{ code: number; out: string; module: Module }> {
  const out: Uint8Array[] = [];
  const module = await host.load(bytes, { name: `program-${count++}`, imports: wasi({ stdout: out, ...options }) });
  const code = await runCommand(module);
  return { code, out: Buffer.concat(out).toString(), module };
}

describe.skipIf(clang === undefined)("a program of C", () => {
  test("reads its arguments, its environment and its input, writes, and ends with a code", async () => {
    const bytes = await command(`
      #include <stdio.h>
      #include <stdlib.h>
      int main(int argc, char **argv) {
        for (int i = 0; i < argc; i++) printf("%d: %s\\n", i, argv[i]);
        char line[100];
        while (fgets(line, sizeof line, stdin)) printf("in: %s", line);
        printf("\\nmode: %s\\n", getenv("MODE") ? getenv("MODE") : "none");
        if (argc == 2) exit(3);
        return argc > 2;
      }`);
    const given = { args: ["main", "one", "two"], env: { MODE: "test" }, stdin: "a\nb" };
    expect(await run(bytes, given)).toMatchObject({
      code: 1,
      out: "0: main\n1: one\n2: two\nin: a\nin: b\nmode: test\n",
    });
    expect(await run(bytes)).toMatchObject({ code: 0, out: "\nmode: none\n" });
    const { code, module } = await run(bytes, { args: ["a", "b"] });
    // The adapter has one code for failure.
    expect([code, module.state]).toEqual([1, "trapped"]);
    expect((module.trap as TrapError).cause).toMatchObject({ name: "ExitError", code: "exit", exitCode: 1 });
  });

  test("writes lines to the console, with the module's name, where nobody asked for its output", async () => {
    const bytes = await command(`
      #include <stdio.h>
      int main(void) { printf("a\\nb\\nrest"); fflush(stdout); fprintf(stderr, "bad\\n"); return 0; }`);
    const [log, error] = [vi.spyOn(console, "log"), vi.spyOn(console, "error")].map((spy) =>
      spy.mockReturnValue(undefined),
    );
    const module = await host.load(bytes, { name: "speaks", imports: wasi() });
    expect(await runCommand(module)).toBe(0);
    await module.unload();
    expect(log!.mock.calls).toEqual([["[speaks] a"], ["[speaks] b"], ["[speaks] rest"]]);
    expect(error!.mock.calls).toEqual([["[speaks] bad"]]);
  });

  test("does the same in every run where clocks are given and random numbers have a seed, and sleeping takes no time", async () => {
    const bytes = await command(`
      #include <stdio.h>
      #include <time.h>
      #include <unistd.h>
      int main(void) {
        unsigned char random[8];
        struct timespec before, after, pause = { 3600, 5 };
        for (int i = 0; i < 3; i++) {
          getentropy(random, 8);
          for (int k = 0; k < 8; k++) printf("%02x", random[k]);
          printf(" %lld", (long long)time(0));
          clock_gettime(CLOCK_MONOTONIC, &before);
          nanosleep(&pause, 0);
          clock_gettime(CLOCK_MONOTONIC, &after);
          printf(" %lld %ld\\n", (long long)(after.tv_sec - before.tv_sec), after.tv_nsec - before.tv_nsec);
        }
        return 0;
      }`);
    const given = (seed: number): WasiOptions => ({ clocks: { now: new Date(1e12), monotonic: 0n }, random: { seed } });
    const [first, second, other] = [await run(bytes, given(1)), await run(bytes, given(1)), await run(bytes, given(2))];
    expect(second.out).toBe(first.out);
    expect(other.out).not.toBe(first.out);
    const rows = first.out
      .trimEnd()
      .split("\n")
      .map((row) => row.split(" "));
    expect(rows.map(([, ...times]) => times)).toEqual([
      ["1000000000", "3600", "5"],
      ["1000003600", "3600", "5"],
      ["1000007200", "3600", "5"],
    ]);
    expect(new Set(rows.map(([random]) => random)).size).toBe(3);
  });

  test("tells of what it uses and of what it is refused", async () => {
    const bytes = await command(`
      #include <stdio.h>
      #include <time.h>
      int main(void) { return fopen("/etc/passwd", "r") != 0 || time(0) == 0; }`);
    const events: AccessEvent[] = [];
    const { code, module } = await run(bytes, { clocks: "real", onAccess: (event) => void events.push(event) });
    expect(code).toBe(0);
    expect(events).toContainEqual({
      module: module.name,
      interface: "wasi:clocks/wall-clock",
      action: "now",
      granted: true,
    });
    expect(events).toContainEqual({
      module: module.name,
      interface: "wasi:filesystem/preopens",
      action: "get-directories",
      granted: false,
    });
  });
});

test.runIf(process.env["CI"] === "true")("in CI the compiler is there, so that nothing above was skipped", () => {
  expect(clang).toBeDefined();
});

describe("wasi", () => {
  test("refuses options that it does not know or that do not fit, by name", () => {
    const refused = (options: object): string => {
      try {
        wasi(options as never);
        return "nothing";
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refused({ arg: [] })).toBe("Unknown option arg of wasi; did you mean args?");
    expect(refused({ args: "a" })).toBe("Expected args to be an array of strings, got a");
    expect(refused({ env: { A: 1 } })).toBe("Expected env.A to be a string without NUL, got 1");
    expect(refused({ env: { A: "a\0b" } })).toMatch(/^Expected env.A to be a string without NUL/);
    expect(refused({ stdin: 5 })).toMatch(/^Expected stdin to be bytes/);
    expect(refused({ stdout: "out" })).toBe(`Expected stdout to be a function, an array or "inherit", got out`);
    expect(refused({ clocks: { nov: 1 } })).toBe("Unknown option nov of clocks; did you mean now?");
    expect(refused({ clocks: { now: new Date(Number.NaN) } })).toMatch(/^Expected now to be milliseconds/);
    expect(refused({ random: {} })).toBe("Expected random.seed to be a number or a string, got undefined");
  });
});
