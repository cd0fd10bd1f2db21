/** The example of the README that keeps files in the private files of a page's origin, as it stands there, in Chromium. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wasiProgram } from "../../../matrix/guest.ts";
import { openPage, type TestPage } from "../page.ts";

let opened: TestPage;

beforeAll(async () => {
  const readme = readFileSync(join(resolve(import.meta.dirname, "../../../.."), "README.md"), "utf8");
  const [, text] = /^```ts\n([^`]*?FileSystemDirectoryHandle[^`]*?)^```$/ms.exec(readme)!;
  const { code } = transformSync(text!, { loader: "ts", format: "esm", target: "es2022" });
  opened = await openPage({ "example.js": code, "program.wasm": await wasiProgram() });
}, 120_000);
afterAll(() => opened?.close());

/** Runs the body of an asynchronous function in the page, which has the example's functions and the origin's files as texts. */
const inPage = (body: string): Promise<unknown> =>
  opened.page.evaluate(`(async () => {
    const { load, runOn, save } = await import("/example.js");
    const directory = await navigator.storage.getDirectory();
    const put = (files) =>
      save(directory, Object.fromEntries(Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)])));
    const got = async () =>
      Object.fromEntries(Object.entries(await load(directory)).map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]));
    ${body}
  })()`);

test("a program runs on the origin's private files, and what it wrote is there on the next visit", async () => {
  const before = { "note.txt": "longer than what is written", "deep/down/kept.txt": "kept", empty: "" };
  const made = { ...before, "note.txt": `written and read\0${before["note.txt"].slice(17)}` };
  const ran = `await put(${JSON.stringify(before)}); return [await runOn(directory, "program.wasm"), await got()];`;
  expect(await inPage(ran)).toEqual([0, made]);
  await opened.page.reload();
  expect(await inPage("return await got();")).toEqual(made);
});

test("files that are not among those saved are removed, and others changed", async () => {
  const changed = { "deep/down/kept.txt": "", "deep/new.txt": "new" };
  expect(await inPage(`await put(${JSON.stringify(changed)}); return await got();`)).toEqual(changed);
});
