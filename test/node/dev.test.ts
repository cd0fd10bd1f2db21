/** The dev page from end to end: a real Chromium, a server over a copy of modules, and an editor that saves files. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM_ARGUMENTS, CHROMIUM_HELP, findChromium } from "../../scripts/house/chromium.ts";
import { writePage } from "../../scripts/house/page.ts";
import { type DevServer, startDevServer } from "../../scripts/toolchain/dev/server.ts";
import { componentEmbed, componentNew, parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { faintTexts, namelessControls } from "./dev-measures.ts";
import { guestBytes, thingsGuest } from "./runtime/guests.ts";

const root = resolve(import.meta.dirname, "..", "..");
const names = ["calc", "counter", "faulty", "logger-client", "records", "shout"];

let folder: string;
let server: DevServer;
let browser: Browser;
/** What pages complained of: nothing is expected. */
const complaints: string[] = [];

beforeAll(async () => {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_HELP);
  folder = mkdtempSync(join(tmpdir(), "tenon-dev-"));
  mkdirSync(join(folder, "modules"));
  cpSync(join(root, "wit"), join(folder, "wit"), { recursive: true });
  for (const name of names) {
    mkdirSync(join(folder, "modules", name));
    cpSync(join(root, "modules", name, "index.ts"), sourceOf(name));
  }
  writeFileSync(join(folder, "things.wasm"), await guestBytes(thingsGuest));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ tenon: { modules: ["modules/*"], outDir: "out" } }));
  writePage(join(folder, "page"));
  server = await startDevServer({
    from: folder,
    components: [join(folder, "things.wasm")],
    cache: join(folder, "cache"),
    page: join(folder, "page"),
    port: 0,
  });
  const launched = chromium.launch({ executablePath, args: [...CHROMIUM_ARGUMENTS] });
  [browser] = await Promise.all([launched, server.ready]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A test that failed half-way leaves no mistake to those after it. */
afterEach(() => {
  for (const name of names) restore(sourceOf(name), join(root, "modules", name, "index.ts"));
  restore(join(folder, "wit", "calc.wit"), join(root, "wit", "calc.wit"));
});

function restore(copy: string, original: string): void {
  const text = readFileSync(original, "utf8");
  if (readFileSync(copy, "utf8") !== text) writeFileSync(copy, text);
}

function sourceOf(name: string): string {
  return join(folder, "modules", name, "index.ts");
}

/** Saves a module's source with one part replaced. @returns the text before */
function edit(name: string, part: string, by: string): string {
  const text = readFileSync(sourceOf(name), "utf8");
  expect(text).toContain(part);
  writeFileSync(sourceOf(name), text.replace(part, by));
  return text;
}

interface View {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
}

async function open(module: string, { width = 1280, height = 900, colorScheme = "light" }: View = {}): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  await page.goto(`${server.url}#${module}`);
  try {
    await page.locator(".pane-head", { hasText: module }).locator(".state.live").waitFor();
  } catch (error) {
    throw new Error(`${module} does not come to live: ${await page.innerText("body")}\n${complaints.join("\n")}`, {
      cause: error,
    });
  }
  return page;
}

/** The form of a function, by its name in JavaScript. */
function form(page: Page, name: string): Locator {
  return page.locator("form.function").filter({ has: page.locator(`h3 b:text-is("${name}")`) });
}

/** Presses a form's button and gives what came of it: the title without its time, and the text below. */
async function call(page: Page, name: string): Promise<{ title: string; text: string }> {
  const found = form(page, name);
  await found.getByRole("button", { name: /^(?:Call|Make)$/ }).click();
  return outcome(found.locator(".outcome"));
}

async function outcome(found: Locator): Promise<{ title: string; text: string }> {
  await found.waitFor();
  const title = await found.locator(".outcome-title").evaluate((element) => element.firstChild?.textContent ?? "");
  const text = await found.evaluate((element) =>
    [...element.children]
      .slice(1)
      .map((child) => child.textContent)
      .join("\n"),
  );
  return { title, text };
}

test("every module is listed as live, with its WIT and a form for each function", async () => {
  const page = await open("calc");
  await expect
    .poll(() =>
      page
        .locator("#modules a")
        .allInnerTexts()
        .then((all) => all.map((text) => text.split("\n")[0])),
    )
    .toEqual([...names, "things"].sort());
  await expect.poll(() => page.locator("#summary").innerText()).toMatch(/^7 of 7 modules live, \d+ KiB$/);
  expect(await page.locator(".wit").innerText()).toContain("area: func(shape: shape) -> result<f64, string>;");
  expect(await page.locator("form.function h3 b").allInnerTexts()).toEqual(["add", "area", "sum", "divide"]);
  // Doc comments of the WIT come along.
  await page.getByText("The area of a shape, or an error when one of its lengths is negative.").waitFor();
  expect(await page.getByRole("img", { name: /^Memory of calc: \d+ KiB now/ }).count()).toBe(1);
  await page.close();
});

test("an address that is none of a component's is refused", async () => {
  const hash = "0".repeat(64);
  const malformed = await fetch(`${server.url}components/%ZZ/${hash}.wasm`);
  expect({ status: malformed.status, text: await malformed.text() }).toEqual({
    status: 400,
    text: "The address is not spelt as an address is",
  });
  for (const path of [`%2e%2e%2fhello/${hash}.wasm`, `hello/${hash}.wasm`, "hello/x.wasm", `\u202e/${hash}.wasm`]) {
    expect((await fetch(`${server.url}components/${path}`)).status).toBe(404);
  }
});

describe("a call", () => {
  test("gives the value, the guest's error as a result, or says at the field what is wrong with it", async () => {
    const page = await open("calc");
    await form(page, "add").getByLabel(/^a/).fill("2");
    await form(page, "add").getByLabel(/^b/).fill("3");
    expect(await call(page, "add")).toEqual({ title: "Value", text: "5" });

    await form(page, "divide").getByLabel(/^a/).fill("1");
    expect(await call(page, "divide")).toEqual({ title: "Error, as a result", text: '"Division by zero"' });

    await form(page, "sum")
      .getByLabel(/^values/)
      .fill("1 2, 0x10 -4");
    expect(await call(page, "sum")).toEqual({ title: "Value", text: "15n" });

    const shape = form(page, "area");
    await shape.getByLabel(/^shape/).selectOption("rectangle");
    await shape.getByLabel(/^width/).fill("2.5");
    await shape.getByLabel(/^height/).fill("4");
    expect((await call(page, "area")).text).toBe("10");

    await form(page, "add").getByLabel(/^a/).fill("2147483648");
    expect((await call(page, "add")).title).toBe("Not sent");
    const field = form(page, "add").getByLabel(/^a/);
    expect(await field.getAttribute("aria-invalid")).toBe("true");
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.getByText("A whole number from -2147483648 to 2147483647, please").first().waitFor();
    await page.close();
  });

  test("works from the keyboard alone", async () => {
    const page = await open("calc");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the module");
    await page.keyboard.press("Enter");
    const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.id ?? "");
    for (let presses = 0; presses < 12 && !(await focused()).startsWith("number-"); presses++)
      await page.keyboard.press("Tab");
    // The ring around what has the focus can be seen.
    expect(await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)).toBe("solid");
    await page.keyboard.type("20");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("22");
    await page.keyboard.press("Enter");
    expect(await outcome(form(page, "add").locator(".outcome"))).toEqual({ title: "Value", text: "42" });
    await page.close();
  });

  test("takes and shows nested values of every kind", async () => {
    const page = await open("records");
    const person = form(page, "echoPerson");
    await person.locator("summary").click();
    await person.getByLabel(/^id/).fill("18446744073709551615");
    await person.getByLabel(/^name/).fill("Ada");
    await person.getByLabel(/^initial/).fill("é");
    await person.getByLabel(/^status/).selectOption("on-leave");
    await person.getByLabel("administer").check();
    await person.getByLabel("Give home").check();
    await person.getByLabel(/^street/).fill("Mill Lane");
    await person.getByLabel("Give number").check();
    await person.getByLabel(/^value/).fill("7");
    await person.getByLabel(/^0/).fill("-0.5");
    const contacts = person.locator("fieldset", { has: page.locator('> legend:text("contacts")') }).last();
    await contacts.getByRole("button", { name: "Add item" }).click();
    await contacts.getByLabel(/^item/).selectOption("phone");
    await contacts.getByLabel(/^phone/).fill('"é"');
    await person.getByLabel(/^scores/).fill("1.5 NaN");
    await person.getByLabel(/^checked/).selectOption("err");
    await person.getByLabel(/^err/).fill("not yet");
    await person.getByLabel("Give nickname").check();
    const { title, text } = await call(page, "echoPerson");
    expect(title).toBe("Value");
    expect(text).toContain("id: 18446744073709551615n,");
    expect(text).toContain('name: "Ada",');
    expect(text).toContain('initial: "é",');
    expect(text).toContain('status: "on-leave",');
    expect(text).toContain("rights: { read: false, write: false, administer: true },");
    expect(text).toContain('home: { street: "Mill Lane", number: 7, position: [-0.5, 0] },');
    expect(text).toContain('contacts: [{ tag: "phone", val: Uint8Array [195, 169] }],');
    expect(text).toContain("scores: Float32Array [1.5, NaN],");
    expect(text).toContain('checked: { tag: "err", val: "not yet" },');
    expect(text).toContain('nickname: { tag: "some", val: undefined },');
    await page.close();
  });

  test("that gives a resource keeps it to call methods on, to pass on and to dispose of", async () => {
    const page = await open("things");
    await form(page, "Thing")
      .getByLabel(/^value/)
      .fill("40");
    expect((await call(page, "Thing")).text).toBe("thing #1");
    await form(page, "make")
      .getByLabel(/^value/)
      .fill("2");
    expect((await call(page, "make")).text).toBe("thing #2");
    await form(page, "add").getByLabel(/^on/).selectOption("thing #1");
    await form(page, "add")
      .getByLabel(/^other/)
      .selectOption("thing #2");
    expect((await call(page, "add")).text).toBe("42");

    const shelf = page.locator(".shelf li");
    expect(await shelf.count()).toBe(2);
    // Giving it away takes it off the shelf.
    await form(page, "keep").getByLabel(/^it/).selectOption("thing #1");
    await call(page, "keep");
    expect(await shelf.count()).toBe(1);
    await page.getByRole("button", { name: "Dispose of thing #2" }).click();
    expect(await shelf.count()).toBe(0);
    expect((await call(page, "alive")).text).toBe("1");
    expect(await call(page, "value")).toMatchObject({ title: "Not sent" });
    await page.close();
  });

  test("reaches the page's own log through an import", async () => {
    const page = await open("logger-client");
    await form(page, "run").getByLabel(/^job/).fill("tidying");
    expect((await call(page, "run")).text).toBe("2");
    const log = page.getByRole("log");
    await log.getByText("Starting tidying").waitFor();
    await log.getByText("Done job=tidying").waitFor();
    await page.close();
  });
});

describe("saving a source", () => {
  test("swaps the module in the open page, with its state and what was entered kept", async () => {
    const page = await open("counter");
    await form(page, "increment").getByLabel(/^by/).fill("5");
    expect((await call(page, "increment")).text).toBe("5n");

    const saved = performance.now();
    const before = edit("counter", "count += by;", "count += by * 100;");
    await page.getByText("The state was handed over.").waitFor();
    expect((await call(page, "increment")).text).toBe("505n");
    const seen = performance.now() - saved;

    const stages = await page.locator(".notice.swap .stages > div").allInnerTexts();
    const told = stages.map((stage) => stage.replace("\n", " "));
    console.log(`from saving to the new code's answer on the page: ${seen.toFixed(0)} ms; ${told.join(", ")}`);
    const stage = (name: string): string => told.find((text) => text.startsWith(`${name} `)) ?? "";
    for (const name of [
      "notice",
      "assemblyscript",
      "component",
      "push",
      "open",
      "instantiate",
      "save",
      "restore",
      "swap",
    ]) {
      expect(stage(name), name).toMatch(/\d/);
    }
    await edited("counter", before, page);
    await page.close();
  });

  test("with a mistake shows it with its place and message, while the old version answers", async () => {
    const page = await open("calc");
    const before = edit("calc", "return a + b;", 'return a + "b";');
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.locator(".issue-place").innerText()).toMatch(/calc\/index\.ts:5:10$/);
    expect(await alert.innerText()).toMatch(/The new source does not build[^]*Version [0-9a-f]{12} still serves/);
    expect(await alert.locator(".issue-message").first().innerText()).toMatch(/Type|Operator|Cannot/);
    expect(await alert.locator(".excerpt .here").first().innerText()).toContain('return a + "b";');
    await form(page, "add").getByLabel(/^a/).fill("1");
    expect((await call(page, "add")).text).toBe("1");

    await edited("calc", before.replace("return a + b;", "return a + b + 1000;"), page);
    await expect.poll(async () => (await call(page, "add")).text, { timeout: 20_000 }).toBe("1001");
    expect(await alert.count()).toBe(0);
    writeFileSync(sourceOf("calc"), before);
    await expect.poll(async () => (await call(page, "add")).text, { timeout: 20_000 }).toBe("1");
    await page.close();
  });

  test("of the WIT changes the forms, and a module that does not fit it any more says so", async () => {
    const page = await open("calc");
    const wit = join(folder, "wit", "calc.wit");
    const [witBefore, sourceBefore] = [readFileSync(wit, "utf8"), readFileSync(sourceOf("calc"), "utf8")];
    writeFileSync(
      wit,
      witBefore.replace("add: func", "/// The product.\n  multiply: func(a: f32, b: f32) -> f32;\n  add: func"),
    );
    await expect
      .poll(() => page.getByRole("alert").allInnerTexts())
      .toMatchObject([expect.stringContaining("The export `multiply` is missing")]);
    await form(page, "add").getByLabel(/^a/).fill("77");
    writeFileSync(
      sourceOf("calc"),
      `${sourceBefore}\nexport function multiply(a: f32, b: f32): f32 {\n  return a * b;\n}\n`,
    );
    await form(page, "multiply").getByLabel(/^a/).fill("1.5");
    await form(page, "multiply").getByLabel(/^b/).fill("4");
    expect((await call(page, "multiply")).text).toBe("6");
    // The form of a function that is the same stays as it was.
    expect(await form(page, "add").getByLabel(/^a/).inputValue()).toBe("77");
    writeFileSync(wit, witBefore);
    writeFileSync(sourceOf("calc"), sourceBefore);
    await form(page, "multiply").waitFor({ state: "detached" });
    await page.close();
  });

  test("of a new module's folder adds it, and removing the folder takes it away", async () => {
    const page = await open("calc");
    mkdirSync(join(folder, "modules", "hello"));
    writeFileSync(sourceOf("hello"), readFileSync(join(root, "modules", "hello", "index.ts"), "utf8"));
    const link = page.locator("#modules a", { hasText: "hello" });
    await link.click({ timeout: 20_000 });
    await form(page, "greet").getByLabel(/^name/).fill("Ada");
    expect((await call(page, "greet")).text).toContain("Ada");
    rmSync(join(folder, "modules", "hello"), { recursive: true });
    await link.waitFor({ state: "detached" });
    await page.close();
  });
});

/** Saves a source and waits until its version is in the page. */
async function edited(name: string, text: string, page: Page): Promise<void> {
  const hash = (): Promise<string> => page.locator(".facts.line div", { hasText: "Hash" }).locator("dd").innerText();
  const before = await hash();
  writeFileSync(sourceOf(name), text);
  await expect.poll(hash, { timeout: 20_000 }).not.toBe(before);
}

test("a stream runs through a module live, also while the module is swapped, and leaves the page its turns", async () => {
  const page = await open("shout");
  const live = page.locator(".live-stream");
  const text = (): Promise<string> => live.locator(".live-text").innerText();
  const status = live.getByRole("status");
  await live.getByRole("button", { name: "Start" }).click();
  await expect.poll(text).toMatch(/^LINE \d+: IT HOLDS WITHOUT GLUE/m);
  edit("shout", "bytes[i] -= 0x20", "bytes[i] = 0x2a");
  await expect.poll(text).toMatch(/^\*{4} \d+: \*\* \*{5} \*{7} \*{4},/m);
  expect(await status.innerText()).toMatch(/^Running: .* a second, through 2 versions$/);
  await live.getByRole("button", { name: "Stop" }).click();
  await expect.poll(() => status.innerText()).toMatch(/^Stopped: [\d.]+ (?:KiB|B), .* through 2 versions$/);

  // Both ends of this one are always ready.
  await live.getByLabel("Give it").selectOption("text, as fast as it goes");
  await live.getByRole("button", { name: "Start" }).click();
  await expect.poll(() => status.innerText()).toMatch(/^Running: [\d.]+ [MG]iB/);
  await live.getByRole("button", { name: "Stop" }).click();
  await expect.poll(() => status.innerText()).toMatch(/^Stopped: /);
  await live.getByLabel("Give it").selectOption("the code of this page, fetched");
  await live.getByRole("button", { name: "Start" }).click();
  await expect.poll(() => status.innerText()).toMatch(/^Ended: [\d.]+ KiB/);
  await page.close();
});

test("a trap on purpose is told in full, locks its module alone, and a fresh instance serves again", async () => {
  const page = await open("faulty");
  const faults = page.locator(".faults");
  await faults.getByRole("button", { name: "abort-with-message" }).click();
  const { title, text } = await outcome(faults.locator(".outcome"));
  expect(title).toBe("Trap: unreachable");
  expect(text).toContain("The page asked for it");
  expect(text).toMatch(/index\.ts:\d+:\d+/);
  expect(text).toMatch(/Frames \(\d+\)/);
  await page.getByRole("alert").getByText("Locked after a trap (unreachable)").waitFor();
  expect(await call(page, "ok")).toMatchObject({ title: "Refused" });
  await page.getByRole("button", { name: "Fresh instance" }).click();
  await page.locator(".pane-head .state.live").waitFor();
  expect(await call(page, "ok")).toEqual({ title: "Value", text: "42" });

  // Every other fault in turn, each with the code that its name says.
  const labels = await faults.getByRole("button").allInnerTexts();
  const codes = new Map<string, string>();
  for (const label of labels.filter((each) => each !== "abort-with-message")) {
    await faults.getByRole("button", { name: label, exact: true }).click();
    await expect.poll(() => faults.locator(".outcome .facts").innerText()).toContain(`#${label}`);
    codes.set(label, (await outcome(faults.locator(".outcome"))).title);
  }
  expect(codes.get("integer-divide-by-zero")).toBe("Trap: integer-divide-by-zero");
  expect(codes.get("stack-overflow")).toBe("Trap: stack-overflow");
  expect(codes.get("memory-out-of-bounds")).toBe("Trap: memory-out-of-bounds");
  expect(codes.get("import-threw")).toBe("Trap: import-threw");
  expect([...codes.values()].every((code) => code.startsWith("Trap: "))).toBe(true);
  await expect.poll(() => page.locator("#summary").innerText()).toMatch(/^6 of 7 modules live/);
  await page.close();
});

test("unloading shows the receipt, the engine confirms that the memory is gone, and loading starts afresh", async () => {
  const page = await open("counter");
  await form(page, "increment").getByLabel(/^by/).fill("9");
  await call(page, "increment");
  await page.getByRole("button", { name: "Unload" }).click();
  const receipt = page.locator(".notice.receipt");
  await receipt.getByText("Memory let go").waitFor();
  expect(await receipt.innerText()).toMatch(/Memory let go\n\d+ KiB/);
  expect(await call(page, "increment")).toMatchObject({ title: "Refused" });
  await receipt.getByRole("button", { name: "Make the engine collect" }).click();
  await receipt.getByText(/^Reclaimed: the engine has freed 1 memory/).waitFor();
  await page.getByRole("button", { name: "Load again" }).click();
  await page.locator(".pane-head .state.live").waitFor();
  expect((await call(page, "increment")).text).toBe("9n");
  await page.close();
});

test("a module whose imports nobody gives says which, and can be tried with stand-ins for them", async () => {
  const witSource = `package demo:lone; interface store {
      record row { cells: list<string>, at: option<u64> }
      resource cursor { constructor(); next: func() -> result<row, string>; }
      open: func(name: string) -> cursor;
    }
    world lone { import store; import pick: func(of: list<u8>) -> tuple<char, f32>; export go: func() -> u32; }`;
  writeFileSync(
    join(folder, "lone.wasm"),
    await componentNew(await componentEmbed(await parseWat(loneCore), { witSource })),
  );
  const other = await startDevServer({
    from: folder,
    ...{ dirs: [], components: [join(folder, "lone.wasm")], page: join(folder, "page"), port: 0 },
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  try {
    await page.goto(other.url);
    const alert = page.getByRole("alert");
    expect(await alert.innerText()).toMatch(/demo:lone\/store is missing[^]*pick is missing/);
    await alert.getByRole("button", { name: "Load with stand-ins for its imports" }).click();
    await page.locator(".pane-head .state.live").waitFor();
    expect(await call(page, "go")).toEqual({ title: "Value", text: "32" });
    const log = page.getByRole("log");
    await log.getByText('demo:lone/store#open("")').waitFor();
    await log.getByText("demo:lone/store#[method]cursor.next()").waitFor();
    await log.getByText("pick({})").waitFor();
  } finally {
    await page.close();
    await other.close();
  }
});

/** Opens a cursor, asks it for a row, picks a character and gives it back. */
const loneCore = `(module
  (import "demo:lone/store" "open" (func $open (param i32 i32) (result i32)))
  (import "demo:lone/store" "[method]cursor.next" (func $next (param i32 i32)))
  (import "$root" "pick" (func $pick (param i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
  (func (export "go") (result i32)
    (call $next (call $open (i32.const 0) (i32.const 0)) (i32.const 64))
    (call $pick (i32.const 0) (i32.const 0) (i32.const 128))
    (i32.load (i32.const 128))))`;

describe.each([
  { width: 375, height: 812, colorScheme: "light" },
  { width: 375, height: 812, colorScheme: "dark" },
  { width: 1280, height: 900, colorScheme: "light" },
  { width: 1280, height: 900, colorScheme: "dark" },
] as const)("at $width × $height, $colorScheme", (view) => {
  test("nothing runs over the side, and every text stands out from its ground", async () => {
    for (const module of ["calc", "records", "faulty"]) {
      const page = await open(module, view);
      if (module === "records") await page.locator(".arguments > summary").first().click();
      if (module === "faulty") await page.locator(".faults button").first().click();
      if (module === "calc") for (const name of ["add", "divide"]) await call(page, name);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), module).toBe(true);
      expect(await page.evaluate(faintTexts), module).toEqual([]);
      // The measure itself works: a text that is too faint is found.
      await page.evaluate(() =>
        document.body.append(
          Object.assign(document.createElement("p"), { textContent: "faint", style: "color: #888; background: #777" }),
        ),
      );
      expect(await page.evaluate(faintTexts)).toHaveLength(1);
      expect(await page.evaluate(namelessControls), module).toEqual([]);
      await page.close();
    }
  });
});

describe("tenon dev", () => {
  let project: string;
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), "tenon-dev-command-"));
    writeFileSync(join(project, "package.json"), JSON.stringify({ tenon: { modules: ["modules/*"] } }));
  });
  afterAll(() => rmSync(project, { recursive: true }));
  const run = (...parameters: string[]): ChildProcess =>
    spawn(
      process.execPath,
      ["--import", import.meta.resolve("tsx"), join(root, "host", "cli", "index.ts"), "dev", ...parameters],
      { cwd: project, stdio: "pipe" },
    );
  const output = (child: ChildProcess): { text: string } => {
    const gathered = { text: "" };
    for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk: Buffer) => (gathered.text += chunk));
    return gathered;
  };
  const ended = (child: ChildProcess): Promise<number | null> => new Promise((settle) => child.once("exit", settle));

  test("says where the page is, and ends when it is told to", async () => {
    const child = run("--port", "0");
    const end = ended(child);
    const said = output(child);
    await expect.poll(() => said.text, { timeout: 30_000 }).toMatch(/tenon dev: http:\/\/127\.0\.0\.1:\d+\//);
    const page = await fetch(/http:\S+/.exec(said.text)![0]);
    expect(await page.text()).toContain("<title>tenon</title>");
    child.kill("SIGINT");
    expect(await end).toBe(0);
  });

  test.each([
    [["--nonsense"], 2, "--nonsense"],
    [["--port", "many"], 2, "Expected --port to be a number from 0 to 65535, got many"],
  ])("refuses %j by name", async (parameters, status, words) => {
    const child = run(...parameters);
    const said = output(child);
    expect(await ended(child)).toBe(status);
    expect(said.text).toContain(words);
  });

  test("says that the port is taken", async () => {
    const port = new URL(server.url).port;
    const child = run("--port", port);
    const said = output(child);
    expect(await ended(child)).toBe(1);
    expect(said.text).toBe(`Port ${port} is already in use: end what uses it, or choose another with --port\n`);
  });
});

test("no page has complained", () => {
  expect(complaints).toEqual([]);
});
