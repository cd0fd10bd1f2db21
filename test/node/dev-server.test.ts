/** What the dev server tells pages, without a page: the stream of builds, files that come and go, and who is answered. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Message } from "../../scripts/toolchain/dev/protocol.ts";
import { type DevServer, PortInUseError, startDevServer } from "../../scripts/toolchain/dev/server.ts";
import { component } from "./host/fixtures.ts";

let folder: string;
let server: DevServer;
const listeners: AbortController[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tenon-dev-server-"));
  mkdirSync(join(folder, "page"));
  writeFileSync(join(folder, "page", "index.html"), "<title>a page</title>");
  writeFileSync(join(folder, "page", "main.js"), "1;");
});

afterEach(async () => {
  for (const listener of listeners.splice(0)) listener.abort();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: { dirs?: string[]; components?: string[] }): Promise<DevServer> {
  const places = { from: folder, cache: join(folder, "cache"), page: join(folder, "page") };
  server = await startDevServer({ ...places, port: 0, ...options });
  return server;
}

/** Listens as a page does. What has been heard grows. */
async function listen(): Promise<Message[]> {
  const heard: Message[] = [];
  const controller = new AbortController();
  listeners.push(controller);
  const response = await fetch(`${server.url}events`, { signal: controller.signal });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  void (async () => {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const lines = text.split("\n\n");
      text = lines.pop()!;
      for (const line of lines) heard.push(JSON.parse(line.slice("data: ".length)) as Message);
    }
  })().catch(() => undefined);
  return heard;
}

const kinds = (heard: readonly Message[]): string[] => heard.map(({ kind }) => kind);

test("a component that is ready is told of when it changes, is half-written, goes and comes back", async () => {
  const file = join(folder, "ready", "one.wasm");
  const [first, second] = await Promise.all([
    component(`(component (core module))`),
    component(`(component (core module) (core module))`),
  ]);
  mkdirSync(join(folder, "ready"));
  writeFileSync(file, first);
  await start({ dirs: [], components: [file] });
  await server.ready;
  const heard = await listen();
  await expect.poll(() => kinds(heard)).toEqual(["hello", "built"]);
  expect(heard[0]).toMatchObject({ names: ["one"] });
  const built = heard[1] as Extract<Message, { kind: "built" }>;
  const answer = await fetch(new URL(built.url, server.url));
  expect(answer.headers.get("content-type")).toBe("application/wasm");
  expect(new Uint8Array(await answer.arrayBuffer())).toEqual(new Uint8Array(first));

  // A build replaces the file by another; a program that writes in place empties it first.
  writeFileSync(`${file}.tmp`, second);
  renameSync(`${file}.tmp`, file);
  await expect.poll(() => kinds(heard)).toEqual(["hello", "built", "built"]);
  writeFileSync(file, "");
  renameSync(join(folder, "ready"), join(folder, "away"));
  await expect.poll(() => kinds(heard).at(-1)).toBe("failed");
  expect(heard.at(-1)).toMatchObject({ name: "one", issues: [{ file, message: "The file is not there" }] });
  // What a page that opens meanwhile hears: the last version that there was, and what is wrong now.
  const late = await listen();
  await expect.poll(() => kinds(late)).toEqual(["hello", "built", "failed"]);

  mkdirSync(join(folder, "ready"));
  writeFileSync(file, first);
  await expect.poll(() => heard.at(-1)).toMatchObject({ kind: "built", hash: built.hash });
});

test(
  "a module's folder that goes is told of with its place, and builds when it is back",
  { timeout: 120_000 },
  async () => {
    const dir = join(folder, "echo");
    const write = (code: string): void => {
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, "world.wit"), "package a:echo; world echo { export echo: func(x: u32) -> u32; }");
      writeFileSync(join(dir, "index.ts"), code);
    };
    write("export function echo(x: u32): u32 { return x; }\n");
    await start({ dirs: [dir] });
    const heard = await listen();
    await expect.poll(() => kinds(heard).at(-1), { timeout: 60_000 }).toBe("built");
    const news = heard.length;
    writeFileSync(join(dir, "index.ts"), "export function echo(x: u32): u32 { return x + ; }\n");
    await expect
      .poll(() => heard.at(-1), { timeout: 60_000 })
      .toMatchObject({
        kind: "failed",
        issues: [{ file: join(dir, "index.ts"), line: 1 }],
      });
    rmSync(dir, { recursive: true });
    await expect
      .poll(() => heard.at(-1), { timeout: 60_000 })
      .toMatchObject({ kind: "failed", issues: [{ file: join(dir, "index.ts") }] });
    write("export function echo(x: u32): u32 { return x + 1; }\n");
    await expect.poll(() => kinds(heard).at(-1), { timeout: 60_000 }).toBe("built");
    expect(heard.slice(news).filter(({ kind }) => kind === "removed")).toEqual([]);
  },
);

test("pages hear that the page itself has changed, and a change that changes nothing is not told", async () => {
  await start({ dirs: [] });
  const heard = await listen();
  await expect.poll(() => kinds(heard)).toEqual(["hello"]);
  writeFileSync(join(folder, "page", "main.js"), "1;");
  writeFileSync(join(folder, "page", "main.js"), "2;");
  await expect.poll(() => kinds(heard)).toEqual(["hello", "hello"]);
  const [before, after] = heard as Extract<Message, { kind: "hello" }>[];
  expect(after!.page).not.toBe(before!.page);
});

test("a port that is taken is an error that says what to do, and without a port the next one is taken", async () => {
  await start({ dirs: [] });
  const port = Number(new URL(server.url).port);
  const refused = await startDevServer({ from: folder, dirs: [], port, page: join(folder, "page") }).catch(
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(PortInUseError);
  expect(refused).toMatchObject({ code: "port-in-use", port });
  const [one, other] = [await startFree(), await startFree()];
  expect(other.url).not.toBe(one.url);
  await Promise.all([one.close(), other.close()]);
});

function startFree(): Promise<DevServer> {
  return startDevServer({ from: folder, dirs: [], page: join(folder, "page"), cache: join(folder, "cache") });
}

test("a page of another name than localhost is refused, and so is what is no file of the page", async () => {
  await start({ dirs: [] });
  const get = (path: string, host: string): Promise<number> =>
    new Promise((settle, refuse) => {
      const { port } = new URL(server.url);
      request({ port, host: "127.0.0.1", path, headers: { host } }, (response) => {
        response.resume();
        settle(response.statusCode!);
      })
        .once("error", refuse)
        .end();
    });
  expect(await get("/", "localhost:5173")).toBe(200);
  for (const path of ["/", "/events", "/main.js"]) expect(await get(path, "evil.example")).toBe(403);
  for (const path of ["/../package.json", "/page/main.js", "/main.js/", "/nothing.js", "//"]) {
    expect(await get(path, "127.0.0.1")).toBe(404);
  }
  expect((await fetch(server.url, { method: "POST" })).status).toBe(405);
});
