/** The package as others get it: what it holds, and that it works in an empty Node project and in pages. */
import { spawnSync } from "node:child_process";
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, chromium } from "playwright-core";
import { build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../../../host/cli/main.ts";
import { CHROMIUM_ARGUMENTS, CHROMIUM_HELP, findChromium } from "../../../scripts/house/chromium.ts";
import { componentEmbed, componentNew, parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { pack, type Packed, root, run, serve } from "./support.ts";

let packed: Packed;
/** A component that needs nothing but this file: `greet: func(name: string) -> string` gives back the name. */
let hello: Uint8Array;
/** An empty Node project with the package in it. */
let nodeProject: string;

beforeAll(async () => {
  [packed, hello] = await Promise.all([pack(), makeHello()]);
  nodeProject = await project("node-project");
}, 180_000);
afterAll(() => packed?.remove());

async function makeHello(): Promise<Uint8Array> {
  const core = await parseWat(`(module (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
    (func (export "greet") (param $at i32) (param $size i32) (result i32)
      (i32.store (i32.const 16) (local.get $at)) (i32.store (i32.const 20) (local.get $size)) i32.const 16)
    (func (export "trap") unreachable))`);
  const witSource = "package t:t; world hello { export greet: func(name: string) -> string; export trap: func(); }";
  return componentNew(await componentEmbed(core, { witSource, stringEncoding: "utf16" }));
}

/** A new project in the packed folder's company, with the package installed and nothing else. */
async function project(name: string, manifest: object = {}): Promise<string> {
  const folder = join(packed.folder, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module", ...manifest }));
  // Optional peers are for building modules, and there is no network in this test.
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--omit=peer", packed.tarball], folder);
  writeFileSync(join(folder, "hello.wasm"), hello);
  return folder;
}

const PRICES = "dist/modules/prices.wasm";

/** A program that uses a module bound beside it, whose functions are asynchronous. @param tell takes what it says, in parentheses */
function pricesProgram(tenon: string, tell: string): string {
  return `import { ComponentError, createHost } from "${tenon}";
    import prices from "./prices.js";
    const cents = { bread: 3, milk: 5 };
    const shop = {
      price: (thing) => new Promise((resolve, reject) => setTimeout(() => {
        if (thing in cents) resolve(cents[thing]);
        else reject(new ComponentError("no " + thing));
      }, cents[thing])),
    };
    const host = createHost();
    const { exports } = await host.load(prices, { imports: { "demo:prices/shop": shop } });
    const words = [await exports.basket.total(["bread", "milk"])];
    words.push(await exports.basket.total(["tea"]).catch((error) => "Error: " + error.payload));
    let text = "";
    for await (const chunk of await exports.basket.receipt(["bread", "milk"])) text += new TextDecoder().decode(chunk);
    words.push(text.replaceAll("\\n", ","));
    await host.close();
    ${tell} (words.join(" "));`;
}

test("the package holds the host, the build, their types and the licence, and nothing of the workshop", () => {
  for (const file of ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "wit/tenon-module.wit"]) {
    expect(packed.files).toContain(file);
  }
  for (const file of ["abi", "async", "channels", "tenon"])
    expect(packed.files).toContain(`dist/scripts/toolchain/guest/assembly/${file}.ts`);
  for (const entry of ["node", "browser", "cli"]) expect(packed.files).toContain(`dist/host/${entry}/index.js`);
  for (const entry of ["node", "browser"]) expect(packed.files).toContain(`dist/host/${entry}/index.d.ts`);
  const strangers = packed.files.filter(
    (path) =>
      !/^(?:dist\/(?:host|scripts)\/.*\.(?:js|d\.ts)|dist\/host\/browser\/(?:chunks\/[\w-]+|index|rights)\.js\.map|dist\/scripts\/toolchain\/guest\/assembly\/(?:abi|async|channels|tenon)\.ts|dist\/scripts\/toolchain\/dev\/page\/(?:index\.html|main\.js|\w+\.css|icon\.svg)|modules\/[\w-]+\/index\.ts|wit\/[\w-]+\.wit|[^/]+)$/.test(
        path,
      ),
  );
  expect(strangers).toEqual([]);
  expect(packed.files.filter((path) => /test|vitest|chromium|dist\/scripts\/house/.test(path))).toEqual([]);
});

test("what its README links to is in it, and it is 5 MB", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, path]) => path!);
  expect(links).toContain("modules");
  for (const link of links)
    expect(packed.files.some((file) => file === link || file.startsWith(`${link}/`))).toBe(true);
  expect(packed.bytes).toBeLessThan(5.2e6);
});

test("no dependency comes with it", async () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies?: object };
  expect(manifest.dependencies).toBeUndefined();
});

describe("in an empty Node project", () => {
  test("nothing else was installed", () => {
    expect(readdirSync(join(nodeProject, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["tenon"]);
  });

  test("one import loads and calls a component", async () => {
    writeFileSync(
      join(nodeProject, "main.js"),
      `import { createHost, TrapError } from "tenon";
       import { createHost as sameHost } from "tenon/node";
       const host = createHost();
       const module = await host.load("hello.wasm");
       const answers = [sameHost === createHost, module.exports.greet("Node")];
       try { module.exports.trap(); } catch (error) { answers.push(error instanceof TrapError && error.trap); }
       await host.close();
       console.log(JSON.stringify(answers));`,
    );
    expect(JSON.parse(await run(process.execPath, ["main.js"], nodeProject))).toEqual([true, "Node", "unreachable"]);
  });

  test("tenon/build loads without the compilers, and binds", async () => {
    const script = `import { readFileSync } from "node:fs";
      import { bind, createBuilder } from "tenon/build";
      console.log(bind(readFileSync("hello.wasm")).entry, typeof createBuilder().build);`;
    const said = await run(process.execPath, ["--input-type=module", "-e", script], nodeProject);
    expect(said.trim()).toBe("component.js function");
  });

  test("without its peer, tenon/plugin asks for it; with it, it is there for ES modules and CommonJS", async () => {
    const imports = `import("tenon/plugin").then((plugin) => console.log(typeof plugin.default.vite),
      (error) => console.log(error.name, error.code, error.message))`;
    const answer = (): Promise<string> => run(process.execPath, ["-e", imports], nodeProject);
    const lacks = "This needs a package that is not installed, unplugin:\n  npm i -D unplugin\n";
    expect(await answer()).toBe(`MissingPackagesError missing-packages ${lacks}`);
    const modules = join(nodeProject, "node_modules");
    symlinkSync(join(root, "node_modules", "unplugin"), join(modules, "unplugin"));
    expect(await answer()).toBe("function\n");
    const requires = `console.log(typeof require("tenon/plugin").default.webpack)`;
    expect(await run(process.execPath, ["-e", requires], nodeProject)).toBe("function\n");
  });

  test("tenon dev shows components that are ready without any peer", { timeout: 60_000 }, async () => {
    const tenon = spawn(join("node_modules", ".bin", "tenon"), ["dev", "hello.wasm", "--port", "0"], {
      cwd: nodeProject,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise((settle) => tenon.once("exit", settle));
    let said = "";
    for (const stream of [tenon.stdout, tenon.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
    try {
      await expect.poll(() => said, { timeout: 30_000 }).toMatch(/^hello: [0-9a-f]{12}, unchanged$/m);
      expect(said).not.toContain("not installed");
    } finally {
      tenon.kill("SIGINT");
      await ended;
    }
    expect(tenon.exitCode).toBe(0);
  });

  test("the tenon command runs, and says what is missing for building", async () => {
    const tenon = join(nodeProject, "node_modules", ".bin", "tenon");
    expect(await run(tenon, ["inspect", "hello.wasm"], nodeProject)).toContain("greet");
    mkdirSync(join(nodeProject, "echo"));
    writeFileSync(
      join(nodeProject, "echo", "echo.wit"),
      "package a:echo; world echo { export echo: func(x: u32) -> u32; }",
    );
    writeFileSync(join(nodeProject, "echo", "index.ts"), "export function echo(x: u32): u32 { return x; }\n");
    // Nothing is wrong with the WIT or the module, so neither is named; all is asked for at once.
    const tools = "@bytecodealliance/jco-transpile";
    const failing = (...command: string[]): { status: number | null; stderr: string } => {
      const { status, stderr } = spawnSync(tenon, command, { cwd: nodeProject, encoding: "utf8" });
      return { status, stderr };
    };
    // Of the versions that tenon was made for.
    const { peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      peerDependencies: Record<string, string>;
    };
    const named = (name: string): string => `${name}@${/\d+\.\d+/.exec(peerDependencies[name]!)![0]}`;
    const lacksTools = `This needs a package that is not installed, ${tools}:\n  npm i -D ${named(tools)}\n`;
    expect(failing("new", "other", "--wit", "echo/echo.wit")).toEqual({ status: 3, stderr: lacksTools });
    expect(failing("check", "hello.wasm", "--wit", "echo/echo.wit")).toEqual({ status: 3, stderr: lacksTools });
    const both = `This needs packages that are not installed, assemblyscript and ${tools}:\n  npm i -D ${named("assemblyscript")} ${named(tools)}\n`;
    expect(failing("build", "echo")).toEqual({ status: 3, stderr: both });
    const builder = `import { build, types } from "tenon/build";
      for (const failing of [build({ dir: "echo" }), types("echo/echo.wit")]) await failing.catch(({ packages }) => console.log(packages.join()))`;
    expect(await run(process.execPath, ["--input-type=module", "-e", builder], nodeProject)).toBe(
      `assemblyscript,${tools}\n${tools}\n`,
    );
    const modules = join(nodeProject, "node_modules");
    mkdirSync(join(modules, "@bytecodealliance"), { recursive: true });
    symlinkSync(join(root, "node_modules", tools), join(modules, tools));
    const one = `This needs a package that is not installed, assemblyscript:\n  npm i -D ${named("assemblyscript")}\n`;
    expect(failing("build", "echo")).toEqual({ status: 3, stderr: one });
  });

  test("with the peers beside it, the tenon command builds a module that loads", { timeout: 180_000 }, async () => {
    const modules = join(nodeProject, "node_modules");
    symlinkSync(join(root, "node_modules", "assemblyscript"), join(modules, "assemblyscript"));
    const tenon = join(modules, ".bin", "tenon");
    await run(tenon, ["build", "echo", "--out-dir", "."], nodeProject);
    expect(existsSync(join(nodeProject, "echo.d.ts"))).toBe(true);
    const script = `import { compile } from "tenon"; console.log((await compile("echo.wasm")).instantiateSync().exports.echo(7))`;
    expect((await run(process.execPath, ["--input-type=module", "-e", script], nodeProject)).trim()).toBe("7");
  });

  test(
    "tenon dev serves its page, builds the module and builds it again when it is saved",
    { timeout: 180_000 },
    async () => {
      const parameters = ["dev", "echo", "--port", "0", "--out-dir", "dev-out"];
      const tenon = spawn(
        process.execPath,
        [join("node_modules", "tenon", "dist", "host", "cli", "index.js"), ...parameters],
        {
          cwd: nodeProject,
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      const ended = new Promise((settle) => tenon.once("exit", settle));
      let said = "";
      tenon.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
      const executablePath = findChromium();
      const browser = await chromium.launch({ executablePath: executablePath!, args: [...CHROMIUM_ARGUMENTS] });
      try {
        await expect.poll(() => said, { timeout: 30_000 }).toMatch(/http:\S+/);
        const page = await browser.newPage();
        page.setDefaultTimeout(60_000);
        await page.goto(/http:\S+/.exec(said)![0]);
        await page.locator(".state.live").first().waitFor();
        const call = async (): Promise<string> => {
          await page.getByRole("button", { name: "Call" }).click();
          return page.locator(".outcome").innerText();
        };
        await page.getByLabel(/^x/).fill("7");
        expect(await call()).toMatch(/^Value[^]*\b7$/);
        const index = join(nodeProject, "echo", "index.ts");
        const before = readFileSync(index, "utf8");
        writeFileSync(index, before.replace("return x", "return x + 100"));
        await page.getByText(/From saving/).waitFor();
        expect(await call()).toMatch(/^Value[^]*\b107$/);
        writeFileSync(index, before.replace("return x", "return y"));
        const alert = page.getByRole("alert");
        await alert.waitFor();
        expect(await alert.innerText()).toContain("echo/index.ts:1:");
        expect(await call()).toMatch(/^Value[^]*\b107$/);
        writeFileSync(index, before);
      } finally {
        await browser.close();
        tenon.kill("SIGINT");
      }
      expect(await ended).toBe(0);
    },
  );

  test.each([
    ["nodenext", "es2023,esnext.disposable,dom"],
    // What a new Vite project has: nothing of disposing.
    ["bundler", "es2022,dom"],
  ])(
    "its types hold under moduleResolution %s with the libraries %s, without skipLibCheck",
    async (resolution, lib) => {
      writeFileSync(
        join(nodeProject, "main.ts"),
        `import { createHost, type Host, type Module, type World } from "tenon";
       interface Hello extends World { exports: { greet(name: string): string } }
       const host: Host = createHost();
       const module: Module<Hello> = await host.load<Hello>("hello.wasm");
       const text: string = module.exports.greet("you");
       // @ts-expect-error a number is not a string
       module.exports.greet(1);
       // @ts-expect-error there is no such option
       await host.load("hello.wasm", { nmae: "hello" });
       export { text };`,
      );
      const module = resolution === "bundler" ? "esnext" : "nodenext";
      const options = [
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--module",
        module,
        "--moduleResolution",
        resolution,
      ];
      await run(
        join(root, "node_modules", ".bin", "tsc"),
        [...options, "--lib", lib, "--types", "", "main.ts"],
        nodeProject,
      );
    },
  );
});

test("in Node, an asynchronous module is bound and runs where text may not be evaluated", async () => {
  const streams = { out: () => {}, err: (text: string) => expect(text).toBe("") };
  expect(await main(["bind", join(root, PRICES), "--out", nodeProject], streams)).toBe(0);
  writeFileSync(join(nodeProject, "bound-prices.js"), pricesProgram("tenon", "console.log"));
  const said = await run(process.execPath, ["--disallow-code-generation-from-strings", "bound-prices.js"], nodeProject);
  expect(said).toBe("8 Error: no tea bread: 3,milk: 5,\n");
});

test("in Node, also in a program that is no file, workers start from the package and let the process end", async () => {
  writeFileSync(join(nodeProject, "hello.wasm"), hello);
  const program = `import { createHost } from "tenon";
    const host = createHost();
    const first = await host.load("hello.wasm", { isolation: "worker" });
    const second = await host.load("hello.wasm", { name: "second", isolation: "worker-sync" });
    console.log(await first.exports.greet("one"), second.exports.greet("two"));`;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: nodeProject,
    encoding: "utf8",
    timeout: 30_000,
  });
  expect([stdout, status]).toEqual(["one two\n", 0]);
});

test("a process that may start no worker is told so, and loads modules in its thread", async () => {
  writeFileSync(join(nodeProject, "hello.wasm"), hello);
  const program = `import { createHost } from "tenon";
    const host = createHost();
    const refused = await host.load("hello.wasm", { isolation: "worker" }).catch(String);
    console.log(refused, (await host.load("hello.wasm")).exports.greet("here"));`;
  writeFileSync(join(nodeProject, "denied.js"), program);
  const permission = process.allowedNodeEnvironmentFlags.has("--permission")
    ? "--permission"
    : "--experimental-permission";
  const { stdout } = spawnSync(process.execPath, [permission, "--allow-fs-read=*", "denied.js"], {
    cwd: nodeProject,
    encoding: "utf8",
    timeout: 30_000,
  });
  expect(stdout).toMatch(/^UsageError: Could not run a worker for module hello: .* here\n$/);
});

describe("in a page", () => {
  let browser: Browser;
  beforeAll(async () => {
    const executablePath = findChromium();
    if (executablePath === undefined) throw new Error(CHROMIUM_HELP);
    browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGUMENTS] });
  }, 60_000);
  afterAll(() => browser?.close());

  /** Opens the folder's page and reads what it says of itself when it is done. */
  async function visit(folder: string, headers: Record<string, string> = {}, asked?: string[]): Promise<string> {
    const server = await serve(folder, headers);
    const page = await browser.newPage();
    try {
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(String(error)));
      page.on("request", (request) => asked?.push(new URL(request.url()).pathname));
      await page.goto(server.url);
      // Asked from here: a page that forbids evaluation would not let itself be watched from inside.
      for (const end = Date.now() + 15_000; (await page.title()) === ""; await sleep(50)) {
        if (Date.now() > end) throw new Error(`The page never finished: ${errors.join("; ")}`);
      }
      return await page.title();
    } finally {
      await page.close();
      await server.close();
    }
  }

  const script = `import { createHost } from "tenon";
    const module = await createHost().load("./hello.wasm");
    document.title = module.exports.greet("the page");`;

  test("built by Vite in an empty project, it needs nothing of Node", { timeout: 60_000 }, async () => {
    const folder = await project("vite-project");
    writeFileSync(
      join(folder, "index.html"),
      `<!doctype html><title></title><script type="module" src="/main.js"></script>`,
    );
    writeFileSync(join(folder, "main.js"), script);
    mkdirSync(join(folder, "public"));
    writeFileSync(join(folder, "public", "hello.wasm"), hello);
    const warnings: string[] = [];
    await viteBuild({
      root: folder,
      configFile: false,
      logLevel: "silent",
      build: { target: "es2022", rollupOptions: { onwarn: ({ message }) => warnings.push(message) } },
    });
    expect(warnings).toEqual([]);
    const text = readdirSync(join(folder, "dist", "assets")).map((file) =>
      readFileSync(join(folder, "dist", "assets", file), "utf8"),
    );
    expect(text.join("\n")).not.toMatch(/node:|__vite-browser-external|\bBuffer\.|\bprocess\.(?:env|versions)/);
    expect(await visit(join(folder, "dist"))).toBe("the page");
  });

  test("with an import map and no bundler at all", async () => {
    const folder = nodeProject;
    writeFileSync(
      join(folder, "index.html"),
      `<!doctype html><title></title>
       <script type="importmap">{ "imports": { "tenon": "./node_modules/tenon/dist/host/browser/index.js" } }</script>
       <script type="module">${script}</script>`,
    );
    const asked: string[] = [];
    expect(await visit(folder, {}, asked)).toBe("the page");
    // The host, its compiler and what they share: a page that has one module fetches no more than this. Every part that is
    // loaded when it is needed cuts what it shares with others out into a file of its own.
    const files = asked.filter((path) => path.includes("/tenon/") && path.endsWith(".js"));
    expect(files.length).toBeLessThanOrEqual(30);
    const sizes = files.map((path) => readFileSync(join(folder, path)).length);
    console.log(`with an import map: ${files.length} files, ${sizes.reduce((sum, size) => sum + size, 0)} bytes`);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(260_000);
  });

  test("in a web worker", async () => {
    const folder = nodeProject;
    writeFileSync(
      join(folder, "worker.js"),
      `import { createHost } from "./node_modules/tenon/dist/host/browser/index.js";
       const module = await createHost().load("./hello.wasm");
       postMessage(module.exports.greet("the worker"));`,
    );
    writeFileSync(
      join(folder, "index.html"),
      `<!doctype html><title></title><script type="module">
       const worker = new Worker("./worker.js", { type: "module" });
       worker.onmessage = ({ data }) => (document.title = data);
       worker.onerror = ({ message }) => (document.title = "failed: " + message);</script>`,
    );
    expect(await visit(folder)).toBe("the worker");
  });

  describe("that is cross-origin isolated, a module in a worker waits for its imports", () => {
    const isolated = {
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
    };
    // The answer is longer than the memory that it goes through.
    const caller = `(component
      (import "ask" (func $ask (param "n" u32) (result string)))
      (core module $l (memory (export "memory") 64) (global $next (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
          (local.set $at (global.get $next)) (global.set $next (i32.add (local.get $at) (local.get 3))) (local.get $at)))
      (core instance $l (instantiate $l))
      (alias core export $l "memory" (core memory $memory))
      (alias core export $l "realloc" (core func $realloc))
      (core func $lowered (canon lower (func $ask) (memory $memory) (realloc $realloc)))
      (core module $m
        (import "" "ask" (func $ask (param i32 i32)))
        (import "" "memory" (memory 64))
        (func (export "run") (param i32) (result i32)
          (call $ask (local.get 0) (i32.const 16)) (i32.load (i32.const 20))))
      (core instance $i (instantiate $m (with "" (instance (export "ask" (func $lowered)) (export "memory" (memory $memory))))))
      (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run"))))`;
    const waiting = `import { createHost } from "tenon";
      try {
        const ask = async (n) => { await new Promise((done) => setTimeout(done, 5)); return "x".repeat(n); };
        const module = await createHost().load("./caller.wasm", { isolation: "worker", imports: { ask } });
        const lengths = [await module.exports.run(3), await module.exports.run(200000)];
        const { collected } = await module.unload();
        document.title = JSON.stringify([...lengths, (await collected).reclaimed]);
      } catch (error) {
        document.title = String(error);
      }`;

    test("with an import map and no bundler", async () => {
      writeFileSync(join(nodeProject, "caller.wasm"), await parseWat(caller));
      writeFileSync(
        join(nodeProject, "index.html"),
        `<!doctype html><title></title>
         <script type="importmap">{ "imports": { "tenon": "./node_modules/tenon/dist/host/browser/index.js" } }</script>
         <script type="module">${waiting}</script>`,
      );
      expect(await visit(nodeProject, isolated)).toBe("[3,200000,true]");
      expect(await visit(nodeProject)).toContain("Cross-Origin-Opener-Policy: same-origin");
    });

    test("built by Vite", { timeout: 60_000 }, async () => {
      const folder = await project("vite-worker");
      writeFileSync(
        join(folder, "index.html"),
        `<!doctype html><title></title><script type="module" src="/main.js"></script>`,
      );
      writeFileSync(join(folder, "main.js"), waiting);
      mkdirSync(join(folder, "public"));
      writeFileSync(join(folder, "public", "caller.wasm"), await parseWat(caller));
      await viteBuild({
        root: folder,
        configFile: false,
        logLevel: "silent",
        build: { target: "es2022" },
        worker: { format: "es" },
      });
      expect(await visit(join(folder, "dist"), isolated)).toBe("[3,200000,true]");
    });

    test("a policy that allows no worker is named, with what to change", async () => {
      const policy = "worker-src 'none'";
      expect(await visit(nodeProject, { ...isolated, "content-security-policy": policy })).toMatch(
        /^UsageError: Could not run a worker for module caller: .*worker-src 'self'/,
      );
    });

    test("an import that waits for its own module is ended by timeoutMs, and named", async () => {
      writeFileSync(join(nodeProject, "caller.wasm"), await parseWat(caller));
      writeFileSync(
        join(nodeProject, "index.html"),
        `<!doctype html><title></title>
         <script type="importmap">{ "imports": { "tenon": "./node_modules/tenon/dist/host/browser/index.js" } }</script>
         <script type="module">import { createHost } from "tenon";
           const ask = async (n) => { await null; return "x".repeat(await module.exports.run(n)); };
           const limits = { timeoutMs: 100, startTimeoutMs: 20000 };
           const options = { isolation: "worker", imports: { ask }, limits };
           const module = await createHost().load("./caller.wasm", options);
           document.title = String(await module.exports.run(1).catch((error) => error));</script>`,
      );
      // Its own deadline passes beside that of the call that waits for it: whichever is first is told, by name.
      expect(await visit(nodeProject, isolated)).toMatch(
        /no end within 100 ms, but waiting for the import ask;|import "ask" threw: Did not call export "run" of "caller"/,
      );
    });
  });

  describe("whose Content-Security-Policy forbids evaluation", () => {
    const policy = {
      "content-security-policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'",
    };
    let folder: string;
    beforeAll(async () => {
      folder = join(packed.folder, "strict");
      mkdirSync(folder);
      cpSync(join(nodeProject, "node_modules", "tenon"), join(folder, "tenon"), { recursive: true });
      writeFileSync(join(folder, "hello.wasm"), hello);
      const streams = { out: () => {}, err: (text: string) => expect(text).toBe("") };
      expect(await main(["bind", join(folder, "hello.wasm"), "--out", folder], streams)).toBe(0);
      writeFileSync(
        join(folder, "index.html"),
        `<!doctype html><title></title><script type="module" src="main.js"></script>`,
      );
    });

    const partsForTasks = (asked: readonly string[]): number =>
      asked.filter((path) => path.includes("/chunks/tasks-")).length;

    test("a module bound ahead of time runs, and loads nothing for tasks", async () => {
      writeFileSync(
        join(folder, "main.js"),
        `import { createHost, TrapError } from "./tenon/dist/host/browser/index.js";
         import hello from "./hello.js";
         const host = createHost();
         const module = await host.load(hello);
         const words = [module.name, module.exports.greet("strict")];
         try { module.exports.trap(); } catch (error) { words.push(error.trap); }
         await module.reload();
         words.push(module.exports.greet("again"));
         await module.unload();
         document.title = words.join(" ");`,
      );
      const asked: string[] = [];
      expect(await visit(folder, policy, asked)).toBe("hello strict unreachable again");
      expect(partsForTasks(asked)).toBe(0);
    });

    test("an asynchronous module bound ahead of time runs: promises, imports that wait, a byte stream", async () => {
      const streams = { out: () => {}, err: (text: string) => expect(text).toBe("") };
      expect(await main(["bind", join(root, PRICES), "--out", folder], streams)).toBe(0);
      writeFileSync(join(folder, "main.js"), pricesProgram("./tenon/dist/host/browser/index.js", "document.title ="));
      const asked: string[] = [];
      expect(await visit(folder, policy, asked)).toBe("8 Error: no tea bread: 3,milk: 5,");
      // What its instances need; what writes their text stays where it is.
      expect(partsForTasks(asked)).toBe(1);
    });

    test("loading what needs evaluation says exactly this, and what to do", async () => {
      writeFileSync(
        join(folder, "main.js"),
        `import { createHost } from "./tenon/dist/host/browser/index.js";
         document.title = await createHost().load("./hello.wasm").then(() => "loaded", (error) => error.name + ": " + error.message);`,
      );
      const said = await visit(folder, policy);
      expect(said).toMatch(/Content-Security-Policy/);
      expect(said).toMatch(/tenon bind/);
    });
  });
});
