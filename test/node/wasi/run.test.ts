/** `tenon run` of programs: what they are given, what they are denied, and how they end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { componentize } from "../real/componentize.ts";
import { webGuest } from "./net/web-guest.ts";
import { clang, command } from "./support.ts";
import { tenon } from "../shell.ts";

const root = await mkdtemp(join(tmpdir(), "tenon-run-wasi-"));
afterAll(() => rm(root, { recursive: true, force: true }));
const place = (name: string): string => join(root, name);

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(process.execPath, ["--import", "tsx", "host/cli/index.ts", "run", ...args], {
    stdio: "pipe",
    env: { ...process.env, ...env },
  });
  // A program that ends without reading what it is given breaks the pipe.
  child.stdin!.on("error", () => undefined);
  return child;
}

async function ended(child: ChildProcess): Promise<Ended> {
  let [out, err] = ["", ""];
  child.stdout!.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr!.on("data", (data: Buffer) => (err += data.toString()));
  const [status, signal] = (await once(child, "close")) as [number | null, string | null];
  return { status, signal, out, err };
}

/** A program whose `run` is these instructions, with a function `end` that takes its exit code. */
async function program(instructions: string): Promise<Uint8Array> {
  return parseWat(`(component
    (import "wasi:cli/exit@0.2.12" (instance $exit (export "exit-with-code" (func (param "status-code" u8)))))
    (core func $end (canon lower (func $exit "exit-with-code")))
    (core module $m (import "e" "end" (func $end (param i32))) (func (export "run") (result i32) ${instructions}))
    (core instance $i (instantiate $m (with "e" (instance (export "end" (func $end))))))
    (func $run (result (result)) (canon lift (core func $i "run")))
    (instance $program (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $program)))`);
}

describe("tenon run of a program", () => {
  test.each([
    ["0 when it returns", "i32.const 0", 0],
    ["1 when it returns an error", "i32.const 1", 1],
    ["the code that it ends itself with", "(call $end (i32.const 42)) i32.const 0", 42],
    ["0 when it ends itself so", "(call $end (i32.const 0)) i32.const 1", 0],
    ["1 when it traps", "unreachable", 1],
  ])("has as status %s", async (_when, instructions, status) => {
    await writeFile(place("ends.wasm"), await program(instructions));
    const said = await tenon("run", place("ends.wasm"));
    expect(said).toMatchObject({ status, out: "" });
    expect(said.err === "").toBe(instructions !== "unreachable");
  });

  test("arguments after -- are the program's, and have no place beside a CALL", async () => {
    await writeFile(place("ends.wasm"), await program("i32.const 0"));
    expect((await tenon("run", place("ends.wasm"), "--", "--env", "-x")).status).toBe(0);
    const both = await tenon("run", place("ends.wasm"), "run()", "--", "a");
    expect(both).toMatchObject({ status: 2, out: "" });
    expect(both.err).toContain("there is a CALL");
    expect((await tenon("run", place("ends.wasm"), "--env", "=1")).err).toContain(
      "Expected --env to be NAME=VALUE or NAME",
    );
    expect((await tenon("run", place("ends.wasm"), "--stdin", place("nowhere"))).err).toContain("nowhere");
    expect((await tenon("run", place("ends.wasm"), "--dir", place("nowhere"))).err).toContain(
      "Expected a directory at",
    );
    for (const dir of ["::x", "x::", ":ro", ""]) {
      expect((await tenon("run", place("ends.wasm"), "--dir", dir)).err).toContain(
        "Expected --dir to be HOST, HOST::GUEST",
      );
    }
    const twice = ["--dir", `${root}::/a`, "--dir", `${root}::/a:ro`];
    expect((await tenon("run", place("ends.wasm"), ...twice)).err).toContain("Two directories of --dir are /a");
  });
});

test("tenon run --net lets a guest reach the hosts that are named, and no others", { timeout: 240_000 }, async () => {
  const bytes = await componentize({
    wit: "package demo:net; world net { export get: func(url: string) -> result<string, string>; }",
    source: `export async function get(url) {
      try {
        const response = await fetch(url);
        return response.status + " " + (await response.text());
      } catch { throw "refused"; }
    }`,
  });
  await writeFile(place("net.wasm"), bytes);
  const server = createServer((_, answer) => void answer.end("from the server")).listen(0, "127.0.0.1");
  try {
    await once(server, "listening");
    const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const call = `get("http://${at}/")`;
    const named = await tenon("run", place("net.wasm"), call, "--net", at);
    expect(named).toEqual({ status: 0, out: 'ok("200 from the server")\n', err: "" });
    const other = await tenon("run", place("net.wasm"), call, "--net", "127.0.0.1:1", "--net", "*.example");
    expect(other).toMatchObject({ status: 1, out: 'err("refused")\n' });
    expect((await tenon("run", place("net.wasm"), call, "--net", "http://x")).err).toContain("net");
  } finally {
    server.close();
  }
});

describe("tenon run --listen", () => {
  test(
    "answers requests by a fresh instance each, and an interrupt ends it when those under way are answered",
    { timeout: 240_000 },
    async () => {
      await writeFile(place("web.wasm"), await webGuest());
      const child = start([place("web.wasm"), "--listen", "0"]);
      const end = once(child, "close");
      const url = await served(child);
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
      const echo = await fetch(`${url}echo`, { method: "PUT", body: "text" });
      expect([echo.status, echo.headers.get("x-method"), await echo.text()]).toEqual([201, "PUT", "echo text"]);
      const both = await Promise.all(["none", "parts"].map((path) => fetch(url + path)));
      expect(both.map(({ status }) => status)).toEqual([404, 200]);
      expect(await both[1]!.text()).toBe("abc");
      // A request that has come, without the end of its body.
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      socket.write("POST /echo HTTP/1.1\r\nhost: a.example\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nte");
      expect(String(await once(socket, "data"))).toMatch(/^HTTP\/1\.1 100 /);
      child.kill("SIGINT");
      const gone = (): Promise<string> =>
        fetch(`${url}none`).then(
          () => "answered",
          () => "refused",
        );
      await expect.poll(gone, { timeout: 30_000 }).toBe("refused");
      socket.write("xt");
      let said = "";
      for await (const chunk of socket) said += String(chunk);
      expect(said).toMatch(/^HTTP\/1\.1 201 [^]*echo text/);
      expect(await end).toEqual([0, null]);
    },
  );

  test.each([
    [
      "0.2",
      `(component
      (import "wasi:http/types@0.2.0" (instance $types (export "incoming-request" (type $in (sub resource))) (export "response-outparam" (type $out (sub resource)))))
      (alias export $types "incoming-request" (type $in))
      (alias export $types "response-outparam" (type $out))
      (core module $m (func (export "handle") (param i32 i32) unreachable))
      (core instance $i (instantiate $m))
      (func $handle (param "request" (own $in)) (param "response-out" (own $out)) (canon lift (core func $i "handle")))
      (component $c
        (import "in" (type $in (sub resource))) (import "out" (type $out (sub resource)))
        (import "handle" (func $handle (param "request" (own $in)) (param "response-out" (own $out))))
        (export $in2 "in" (type $in)) (export $out2 "out" (type $out))
        (export "handle" (func $handle) (func (param "request" (own $in2)) (param "response-out" (own $out2)))))
      (instance $handler (instantiate $c (with "in" (type $in)) (with "out" (type $out)) (with "handle" (func $handle))))
      (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))`,
    ],
    [
      "0.3",
      `(component
      (import "wasi:http/types@0.3.0" (instance $types (export "request" (type $in (sub resource))) (export "response" (type $out (sub resource)))))
      (alias export $types "request" (type $in))
      (alias export $types "response" (type $out))
      (core module $m (func (export "handle") (param i32) (result i32) unreachable) (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
      (core instance $i (instantiate $m))
      (func $handle async (param "request" (own $in)) (result (result (own $out)))
        (canon lift (core func $i "handle") async (callback (core func $i "callback"))))
      (component $c
        (import "in" (type $in (sub resource))) (import "out" (type $out (sub resource)))
        (import "handle" (func $handle async (param "request" (own $in)) (result (result (own $out)))))
        (export $in2 "in" (type $in)) (export $out2 "out" (type $out))
        (export "handle" (func $handle) (func async (param "request" (own $in2)) (result (result (own $out2))))))
      (instance $handler (instantiate $c (with "in" (type $in)) (with "out" (type $out)) (with "handle" (func $handle))))
      (export "wasi:http/handler@0.3.0" (instance $handler)))`,
    ],
  ])("answers 500 for a guest of %s that gives no response, and says why", { timeout: 240_000 }, async (_, text) => {
    await writeFile(place("traps.wasm"), await parseWat(text));
    const child = start([place("traps.wasm"), "--listen", "127.0.0.1:0"]);
    const end = once(child, "close");
    const url = await served(child);
    const told = once(child.stderr!, "data");
    const answer = await fetch(`${url}a`);
    expect([answer.status, await answer.text()]).toEqual([500, ""]);
    expect(String(await told)).toMatch(/^GET \/a: .*unreachable/);
    child.kill("SIGTERM");
    expect(await end).toEqual([0, null]);
  });

  test("refuses addresses that are none or taken, and a CALL; a program may listen there itself", async () => {
    const web = place("web.wasm");
    for (const at of ["x", "localhost:1", "1.2.3:4:5", "127.0.0.1", "127.0.0.1:65536"])
      expect((await tenon("run", web, "--listen", at)).err).toContain("Expected --listen to be PORT or ADDRESS:PORT");
    expect(await tenon("run", web, "f()", "--listen", "0")).toMatchObject({ status: 2 });
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const at = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    expect((await tenon("run", web, "--listen", at)).err).toMatch(
      /^Could not listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
    );
    taken.close();
    await writeFile(place("ends.wasm"), await program("(call $end (i32.const 7)) i32.const 0"));
    expect((await tenon("run", place("ends.wasm"), "--listen", "0")).status).toBe(7);
  });
});

/** The address that a command says it serves. */
async function served(child: ChildProcess): Promise<string> {
  for (let text = ""; ;) {
    text += String(await once(child.stderr!, "data"));
    const url = /^Serving (\S+)$/m.exec(text)?.[1];
    if (url !== undefined) return url;
  }
}

describe.skipIf(clang === undefined)("tenon run of a program of C", () => {
  beforeAll(async () => {
    const bytes = await command(`
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      int main(int argc, char **argv) {
        for (int i = 0; i < argc; i++) printf("%d: %s\\n", i, argv[i]);
        for (int i = 1; i < argc && argv[i][0] == '$'; i++) {
          const char *value = getenv(argv[i] + 1);
          printf("%s\\n", value ? value : "none");
        }
        if (argc > 1 && !strcmp(argv[1], "loop")) { fflush(stdout); for (volatile int i = 0;; i++) {} }
        char line[100];
        while (fgets(line, sizeof line, stdin)) printf("in: %s", line);
        fprintf(stderr, "said\\n");
        return 0;
      }`);
    await writeFile(place("c.wasm"), bytes);
  });

  test("gives it its arguments, the environment that is named, and the standard streams", async () => {
    const child = start(
      [
        place("c.wasm"),
        "--env",
        "A=1=2",
        "--env",
        "HERE",
        "--env",
        "NOT_SET",
        "--",
        "$A",
        "$HERE",
        "$NOT_SET",
        "$HOME",
      ],
      { HERE: "here" },
    );
    child.stdin!.end("one\ntwo\n");
    expect(await ended(child)).toEqual({
      ...{ status: 0, signal: null, err: "said\n" },
      out: "0: c.wasm\n1: $A\n2: $HERE\n3: $NOT_SET\n4: $HOME\n1=2\nhere\nnone\nnone\nin: one\nin: two\n",
    });
  });

  test("takes standard input from a file", async () => {
    await writeFile(place("input.txt"), "from a file\n");
    const child = start([place("c.wasm"), "--stdin", place("input.txt")]);
    expect(await ended(child)).toMatchObject({ status: 0, out: "0: c.wasm\nin: from a file\n" });
  });

  test("gives it the directories that are named, under its names for them, and nothing else", async () => {
    await writeFile(
      place("files.wasm"),
      await command(`
        #include <stdio.h>
        int main(int argc, char **argv) {
          for (int i = 1; i < argc; i++) {
            FILE *in = fopen(argv[i], "r");
            char line[100] = "";
            if (in) fgets(line, sizeof line, in);
            FILE *out = fopen(argv[i], "a");
            printf("%s: %s, %s\\n", argv[i], in ? line : "unread", out && fputs("+", out) >= 0 && !fclose(out) ? "written" : "unwritten");
          }
          return 0;
        }`),
    );
    for (const name of ["kept", "open"]) {
      await mkdir(place(name), { recursive: true });
      await writeFile(join(place(name), "file.txt"), name);
    }
    const dirs = ["--dir", `${place("kept")}::/in:ro`, "--dir", `${place("open")}::/out`];
    const paths = ["/in/file.txt", "/out/file.txt", "/in/../open/file.txt", join(place("open"), "file.txt")];
    const said = await ended(start([place("files.wasm"), ...dirs, "--", ...paths]));
    expect(said.out.split("\n")).toEqual([
      "/in/file.txt: kept, unwritten",
      "/out/file.txt: open, written",
      `${paths[2]}: unread, unwritten`,
      `${paths[3]}: unread, unwritten`,
      "",
    ]);
    expect(await readFile(join(place("open"), "file.txt"), "utf8")).toBe("open+");
    // Without a name of its own a directory has the one that it has here.
    const same = await ended(start([place("files.wasm"), "--dir", place("open"), "--", paths[3]!]));
    expect(same).toMatchObject({ status: 0, out: `${paths[3]}: open+, written\n` });
  });

  test("an interrupt ends it at once, whatever it does", { timeout: 60_000 }, async () => {
    const child = start([place("c.wasm"), "--", "loop"]);
    const end = ended(child);
    await once(child.stdout!, "data");
    child.kill("SIGINT");
    // A shell tells this end as 130.
    expect(await end).toMatchObject({ status: null, signal: "SIGINT", err: "" });
  });
});
