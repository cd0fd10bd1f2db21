/** Standard input of the program itself, as WASI 0.3 reads it in Node: other work goes on meanwhile, and nothing is kept running by it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { root } from "../../package/support.ts";

/** Prints what a guest reads of its standard input, and the clock's ticks meanwhile. */
const SCRIPT = `
  const { wasi } = await import("./host/node/wasi.ts");
  const name = "wasi:cli/stdin@0.3.0";
  const imports = await wasi({ stdin: "inherit" })({
    module: "guest",
    component: { name: "guest", hash: "3", waits: false, exports: [], imports: [{ name, type: { kind: "instance", exports: [] } }] },
  });
  const [stream, ended] = imports[name].readViaStream();
  const decoder = new TextDecoder();
  let ticked = false;
  setTimeout(() => (ticked = true, console.log("ticked")), 1);
  for await (const chunk of stream) {
    console.log("read " + decoder.decode(chunk));
    if (process.argv.includes("drop")) break;
  }
  console.log((await ended).tag);`;

/** What the program prints, line by line. */
async function* running(...args: string[]): AsyncGenerator<string, number, string | undefined> {
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", SCRIPT, ...args], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let rest = "";
  for await (const chunk of child.stdout) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const input = yield line;
      if (input === "") child.stdin.end();
      else if (input !== undefined) child.stdin.write(input);
    }
  }
  return ((await exited) as [number])[0];
}

test("standard input is read as it comes, while timers run, to its end", async () => {
  const program = running();
  expect((await program.next()).value).toBe("ticked");
  expect((await program.next("one")).value).toBe("read one");
  expect((await program.next("two")).value).toBe("read two");
  expect((await program.next("")).value).toBe("ok");
  expect(await program.next()).toEqual({ done: true, value: 0 });
});

test("a program ends while its standard input is open, when nobody reads it any more", async () => {
  const program = running("drop");
  expect((await program.next()).value).toBe("ticked");
  expect((await program.next("one")).value).toBe("read one");
  expect((await program.next()).value).toBe("ok");
  expect(await program.next()).toEqual({ done: true, value: 0 });
});
