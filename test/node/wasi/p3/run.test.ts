/** Commands of WASI 0.3 in a host, and from a shell. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../../../../host/cli/main.ts";
import { createHost } from "../../../../host/node/index.ts";
import { type AccessEvent, runCommand, wasi } from "../../../../host/node/wasi.ts";
import { root } from "../../package/support.ts";
import { dropCommand, echoCommand, sleepCommand, twofoldCommand } from "./programs.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tenon-p3-run-"));
});
afterAll(() => rm(folder, { recursive: true }));

const HOUR = 3.6e12;

describe("a command of 0.3", () => {
  test("waits for a clock that was given in no time, and ends with 0", async () => {
    const events: AccessEvent[] = [];
    const imports = wasi({ clocks: { monotonic: 0n }, onAccess: (event) => void events.push(event) });
    const module = await createHost().load(await sleepCommand(HOUR), { name: "sleeper", imports });
    expect(await runCommand(module)).toBe(0);
    expect(events).toEqual([
      { module: "sleeper", interface: "wasi:clocks/monotonic-clock", action: "wait-for", granted: true },
    ]);
    expect(await module.unload()).toMatchObject({ cut: [], errors: [] });
  });

  test("waits for a function of the program's own without a result, which has the signal of its call", async () => {
    let [go, ended] = [(): void => undefined, false];
    let signal: AbortSignal | undefined;
    const waitFor = (ns: bigint, call: { signal: AbortSignal }): Promise<void> => {
      expect(ns).toBe(7n);
      ({ signal } = call);
      return new Promise((resolve) => (go = resolve));
    };
    const module = await createHost().load(await sleepCommand(7), {
      imports: { "wasi:clocks/monotonic-clock@0.3.0": { waitFor } },
    });
    const code = runCommand(module).finally(() => (ended = true));
    await new Promise((resolve) => void setTimeout(resolve, 5));
    expect([ended, signal?.aborted]).toEqual([false, false]);
    go();
    expect(await code).toBe(0);
  });

  test("copies its input to its output, however both come and go", async () => {
    const bytes = await echoCommand();
    const long = "0123456789".repeat(50_000);
    for (const stdin of ["short", long, ["a", "b", "c"], new Blob([long, "!"]).stream()]) {
      const out: Uint8Array[] = [];
      const slow = (chunk: Uint8Array): Promise<void> => {
        out.push(chunk);
        return new Promise((resolve) => void setTimeout(resolve, 1));
      };
      const module = await createHost().load(bytes, { imports: wasi({ stdin, stdout: slow }) });
      expect(await runCommand(module)).toBe(0);
      const whole = typeof stdin === "string" ? stdin : Array.isArray(stdin) ? stdin.join("") : `${long}!`;
      expect(Buffer.concat(out).toString()).toBe(whole);
      expect(await module.unload()).toMatchObject({ cut: [], errors: [] });
    }
  });

  test("is told of an output that fails, and ends with 1", async () => {
    const stdout = (): never => {
      throw new Error("full");
    };
    const module = await createHost().load(await echoCommand(), { imports: wasi({ stdin: "a", stdout }) });
    expect(await runCommand(module)).toBe(1);
  });

  test("that lets go of a stream unread is told that it has ended", async () => {
    const never = (async function* () {
      yield await new Promise<string>(() => undefined);
    })();
    const module = await createHost().load(await dropCommand(), { imports: wasi({ stdin: never }) });
    expect(await runCommand(module)).toBe(0);
  });

  test("is what runs of a program that is a command of 0.2 too", async () => {
    for (const code of [0, 1] as const) {
      const module = await createHost().load(await twofoldCommand(code), { imports: wasi({}) });
      expect(await runCommand(module)).toBe(code);
    }
  });

  test("is run by tenon run", async () => {
    const file = join(folder, "sleep.wasm");
    await writeFile(file, await sleepCommand(1_000_000));
    let said = "";
    const told = (text: string): void => void (said += text);
    expect(await main(["run", file], { out: told, err: told })).toBe(0);
    expect(said).toBe("");
  });

  test.each([[[]], [["--net", "host.example"]]])(
    "has the standard streams of the shell by tenon run with %j",
    async (given) => {
      const file = join(folder, "echo.wasm");
      await writeFile(file, await echoCommand(1_000_000));
      const child = spawn(process.execPath, ["--import", "tsx", "host/cli/index.ts", "run", file, ...given], {
        cwd: root,
        stdio: ["pipe", "pipe", "inherit"],
      });
      let out = "";
      child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
      child.stdin.end("from the shell\n");
      expect(await once(child, "close")).toEqual([0, null]);
      expect(out).toBe("from the shell\n");
    },
  );
});
