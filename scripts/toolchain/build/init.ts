/**
 * `tenon init`: a project that runs, with a world, a module, a host that loads it and a test.
 *
 * What is there already stays as it is; of a package.json and a .gitignore only what is missing is added.
 */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { guestTsconfig } from "../guest/skeleton.ts";
import { BuildError } from "./errors.ts";
import { writeAllOrNone } from "./files.ts";
import { compilerPackage, witPackage } from "./packages.ts";
import { packageRoot } from "./root.ts";

/** What {@link initProject} did. */
export interface InitResult {
  /** Files that were written or changed, absolute. */
  readonly written: readonly string[];
  /** Files that were there and stayed, absolute. */
  readonly kept: readonly string[];
}

const wit = `package my:greeter;

world greeter {
  /// The host writes it down.
  import log: func(text: string);

  /// Greets somebody, who must have a name.
  export greet: func(name: string) -> result<string, string>;
}
`;

const guest = `// AssemblyScript. What the world gives and wants is in bindings/, which \`tenon build\` writes.
import { err, log, ok, Result } from "./bindings/greeter";

export function greet(name: string): Result<string, string> {
  if (name.length == 0) return err<string, string>("Who?");
  log(\`greeting \${name}\`);
  return ok<string, string>(\`Hello, \${name}!\`);
}
`;

const host = `import { attempt, createHost } from "tenon";
// Written by \`npm run types\`: the types of the world, and what \`load\` checks the component against.
import { greeter as world } from "./greeter-world.ts";

const host = createHost();
const greeter = await host.load("modules/greeter/build/greeter.wasm", {
  world,
  imports: { log: (text) => console.log(\`  \${text}\`) },
});

console.log(greeter.exports.greet("Ada"));
const nobody = attempt(() => greeter.exports.greet(""));
if (!nobody.ok) console.log("refused:", nobody.error.message);

await host.close();
`;

const test = `import { ComponentError, createHost } from "tenon";
import { expect, test } from "vitest";
import { greeter as world } from "../src/greeter-world.ts";

test("greets who has a name, and writes it down", async () => {
  const lines: string[] = [];
  const host = createHost();
  const greeter = await host.load("modules/greeter/build/greeter.wasm", {
    world,
    imports: { log: (text) => void lines.push(text) },
  });
  expect(greeter.exports.greet("Ada")).toBe("Hello, Ada!");
  expect(lines).toEqual(["greeting Ada"]);
  expect(() => greeter.exports.greet("")).toThrow(ComponentError);
  await host.close();
});
`;

/** For the host alone: the modules are another language, and have projects of their own. */
const tsconfig = `{
  "compilerOptions": {
    "target": "ES2022",
    "lib": ["ES2023", "DOM"],
    "module": "Preserve",
    "moduleResolution": "Bundler",
    "allowImportingTsExtensions": true,
    "allowArbitraryExtensions": true,
    "types": [],
    "strict": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["src", "test"]
}
`;

const ignored = ["node_modules/", "modules/*/bindings/", "modules/*/build/"];

/** Makes a project in a folder, which may hold one. @throws {BuildError} when its package.json cannot be read */
export async function initProject(dir: string): Promise<InitResult> {
  const folder = resolve(dir);
  const texts: readonly (readonly [string, string])[] = [
    ["wit/greeter.wit", wit],
    ["modules/greeter/index.ts", guest],
    ["modules/greeter/tsconfig.json", guestTsconfig],
    ["src/main.ts", host],
    ["test/greeter.test.ts", test],
    ["tsconfig.json", tsconfig],
  ];
  const files = new Map<string, string>();
  const kept: string[] = [];
  for (const [name, text] of texts) {
    const path = join(folder, name);
    if (existsSync(path)) kept.push(path);
    else files.set(path, text);
  }
  const changed = [
    [join(folder, "package.json"), await manifestOf(folder)],
    [join(folder, ".gitignore"), await ignoredOf(folder)],
  ] as const;
  for (const [path, text] of changed) {
    if (existsSync(path) && (await readFile(path, "utf8")) === text) kept.push(path);
    else files.set(path, text);
  }
  await writeAllOrNone(files);
  return { written: [...files.keys()], kept };
}

type Manifest = Record<string, unknown>;

/** The package.json with what is missing of it; the author's own entries win. */
async function manifestOf(folder: string): Promise<string> {
  const path = join(folder, "package.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  let own: Manifest;
  try {
    own = text === undefined ? {} : (JSON.parse(text) as Manifest);
  } catch (cause) {
    throw new BuildError([{ file: path, message: `The package.json is no JSON: ${(cause as Error).message}` }], {
      cause,
    });
  }
  const tenon = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
    version: string;
    peerDependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const versions = { ...tenon.devDependencies, ...tenon.peerDependencies };
  const tools = [witPackage, compilerPackage, "tsx", "typescript", "vitest"];
  const wanted: Manifest = {
    name:
      basename(folder)
        .toLowerCase()
        .replaceAll(/[^a-z0-9._-]+/g, "-")
        .replace(/^[._-]+/, "") || "modules",
    private: true,
    type: "module",
    scripts: {
      types: "tenon types --wit wit --out src/greeter-world.ts",
      build: "npm run types && tenon build",
      dev: "tenon build --watch",
      start: "npm run build && tsx src/main.ts",
      test: "npm run build && tsc && vitest run",
    },
    dependencies: { tenon: `^${tenon.version}` },
    devDependencies: Object.fromEntries(tools.map((name) => [name, versions[name]])),
    tenon: { modules: ["modules/*"] },
  };
  const inDependencies = { ...(own["dependencies"] as object), ...(own["devDependencies"] as object) };
  const merged: Manifest = { ...wanted, ...own };
  for (const key of ["scripts", "dependencies", "devDependencies"]) {
    const missing = Object.entries(wanted[key] as object).filter(([name]) => !(name in inDependencies));
    merged[key] = { ...Object.fromEntries(missing), ...(own[key] as object) };
  }
  const indent = /^[ \t]+/m.exec(text ?? "")?.[0] ?? "  ";
  return `${JSON.stringify(merged, null, indent)}\n`;
}

async function ignoredOf(folder: string): Promise<string> {
  const text = await readFile(join(folder, ".gitignore"), "utf8").catch(() => "");
  const known = new Set(text.split(/\r?\n/).map((line) => line.replace(/\/$/, "")));
  const missing = ignored.filter((line) => !known.has(line.replace(/\/$/, "")));
  const gap = text === "" || text.endsWith("\n") ? "" : "\n";
  return missing.length === 0 ? text : `${text}${gap}${missing.join("\n")}\n`;
}
