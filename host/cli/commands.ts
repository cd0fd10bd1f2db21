/**
 * The commands of `tenon`, with their help texts. Each takes its arguments and writes to the streams it is given.
 *
 * `build`, `new`, `check` and `bind` use the build tools (`scripts/`), which are loaded only then.
 */
import { printableJson } from "../model/printable.ts";
import { formatInspection } from "../runtime/inspect.ts";
import { type Arguments, CommandLineError, type CommandShape, type Option } from "./options.ts";
import { formatIssues } from "./link-issues.ts";
import { inspectFile, readPlan } from "./read.ts";

/** Where a command writes. */
export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

/** The tools for WIT; or those and the compiler; or nothing. */
export type Needs = "wit" | "compiler" | undefined;

export interface Command extends CommandShape {
  readonly summary: string;
  /** What must be installed for it, with these arguments. */
  readonly needs?: (args: Arguments) => Needs;
  /** @returns the exit status */
  run(args: Arguments, streams: Streams): Promise<number>;
}

const wit: Option = { value: "PATH", explains: "the WIT file or folder", required: true };
const nearbyWit: Option = {
  value: "PATH",
  explains: "the WIT file or folder; default: in DIR, else in a folder wit further up",
};
const world: Option = { value: "NAME", explains: "the world's name; needed when the WIT has several" };
const features: Option = { value: "LIST", explains: "feature gates of the WIT to open, separated by commas, or all" };

const build: Command = {
  needs: () => "compiler",
  positionals: ["[DIR...]"],
  options: {
    wit: nearbyWit,
    world,
    out: { value: "FILE", explains: "the component to write; default <name of DIR>.wasm in --out-dir" },
    "out-dir": { value: "DIR", explains: "the folder for components; default build in each module's folder" },
    features,
    release: { explains: "optimise; the default" },
    debug: { explains: "do not optimise, keep names, and put a source map into the component" },
    "source-map": { explains: "write the source map beside the component" },
    asc: { value: "OPTIONS", explains: "options of AssemblyScript's compiler, separated by spaces" },
    transform: { value: "LIST", explains: "transforms of AssemblyScript's compiler, separated by commas" },
    watch: { explains: "build again what changes, as --debug unless --release is given, until interrupted" },
    "no-console": { explains: "drop what the module writes with console and trace: other hosts need no import for it" },
    force: { explains: "build even when nothing has changed" },
    json: { explains: "print the result as JSON" },
  },
  summary: "Builds module folders (AssemblyScript and WIT) into components; default: those of package.json",
  run: async (args, { out, err }) => {
    const { createBuilder, projectModules } = await import("../../scripts/toolchain/index.ts");
    const { formatFailure, formatResult, watchUntilInterrupted } =
      await import("../../scripts/toolchain/build/report.ts");
    const folders = args.positionals.length > 0 ? args.positionals : await projectModules();
    if (folders.length === 0) {
      throw new CommandLineError("Expected DIR, or modules under the key tenon of package.json, got nothing");
    }
    if (args.value("out") !== undefined && (folders.length > 1 || args.has("watch"))) {
      throw new CommandLineError("The option --out is for one module that is built once: use --out-dir");
    }
    const builder = createBuilder();
    const places = { out: args.value("out"), outDir: args.value("out-dir") };
    const options = {
      ...witChoice(args),
      ...places,
      ...compilerChoice(args),
      force: args.has("force"),
      console: !args.has("no-console"),
    };
    if (args.has("watch")) {
      const dirs = args.positionals.length > 0 ? args.positionals : undefined;
      return watchUntilInterrupted(builder, { ...options, dirs, debug: !args.has("release") }, { out, err });
    }
    const builds = await Promise.allSettled(folders.map((dir) => builder.build({ dir, ...options })));
    await builder.close();
    const results = builds.flatMap((build) => (build.status === "fulfilled" ? [build.value] : []));
    if (!args.has("json")) for (const result of results) out(`${formatResult(result)}\n`);
    else if (results.length > 0) out(`${printableJson(builds.length === 1 ? results[0] : results)}\n`);
    for (const build of builds) if (build.status === "rejected") err(`${formatFailure(build.reason)}\n`);
    return results.length === builds.length ? 0 : 1;
  },
};

const init: Command = {
  positionals: ["[DIR]"],
  options: {},
  summary: "Writes a project that runs: a world, a module, a host that loads it and a test",
  run: async (args, { out }) => {
    const { initProject } = await import("../../scripts/toolchain/build/init.ts");
    const { displayPath } = await import("../../scripts/toolchain/build/files.ts");
    const [dir = "."] = args.positionals;
    const { written, kept } = await initProject(dir);
    out(written.map((file) => `  ${displayPath(file)}\n`).join(""));
    if (kept.length > 0) out(`Kept as they were: ${kept.map(displayPath).join(", ")}\n`);
    out(`Then:${dir === "." ? "" : ` cd ${dir} &&`} npm install && npm start\n`);
    return 0;
  },
};

const create: Command = {
  needs: () => "wit",
  positionals: ["DIR"],
  options: {
    wit: nearbyWit,
    world,
    features,
  },
  summary: "Writes the skeleton of a new module for a WIT world",
  run: async (args, { out }) => {
    const { createModule } = await import("../../scripts/toolchain/build/create.ts");
    const { displayPath } = await import("../../scripts/toolchain/build/files.ts");
    const dir = args.positionals[0]!;
    const { files, world, noted, takenBy, build: command } = await createModule({ dir, ...witChoice(args) });
    out(`A module for the world ${world}:\n${files.map((file) => `  ${displayPath(file)}\n`).join("")}`);
    if (noted !== undefined) out(`It is noted in ${displayPath(noted)}.\n`);
    if (takenBy !== undefined) {
      out(`${displayPath(takenBy)} takes it for TypeScript: give it an "include" without ${displayPath(dir)}.\n`);
    }
    out(`Write the bodies in ${displayPath(files[0]!)}, then: ${command}\n`);
    return 0;
  },
};

const types: Command = {
  needs: () => "wit",
  positionals: [],
  options: {
    wit,
    out: { value: "FILE", explains: "x.ts, or x.d.ts for declarations with x.js beside them", required: true },
    world,
    features,
    watch: { explains: "write again when the WIT changes, until interrupted" },
  },
  summary: "Writes a WIT world's types for a host, with its description at run time",
  run: async (args, streams) => {
    const { watchTypes, writeTypes } = await import("../../scripts/toolchain/types/command.ts");
    const { displayPath } = await import("../../scripts/toolchain/build/files.ts");
    const [path, file] = [args.value("wit")!, args.value("out")!];
    const { wit: _wit, ...options } = witChoice(args);
    if (args.has("watch")) return watchTypes(path, file, options, streams);
    const { files } = await writeTypes(path, file, options);
    streams.out(files.map((one) => `${displayPath(one)}\n`).join(""));
    return 0;
  },
};

const run: Command = {
  positionals: ["FILE", "[CALL...]"],
  rest: "ARG...",
  options: {
    dir: {
      value: "HOST[::GUEST][:ro]",
      explains: "a directory, and the path that the program has for it; with :ro it changes nothing there",
      many: true,
    },
    env: { value: "NAME[=VALUE]", explains: "an environment variable; without a value that of here", many: true },
    net: {
      value: "HOST[:PORT]",
      explains: "a host that may be reached, *.HOST for those below it, or * for all that is public",
      many: true,
    },
    listen: {
      value: "[ADDRESS:]PORT",
      explains:
        "where it is reached, by default of this machine alone: a component that exports wasi:http/incoming-handler answers requests there, a program may listen there itself",
    },
    stdin: { value: "FILE", explains: "a file as standard input; default that of here" },
  },
  summary:
    "Runs a program (wasi:cli/run) with the arguments ARG, denied what is not given; or serves one that answers requests; or calls functions, such as 'greet(\"Ada\")', values written in WAVE",
  run: async (args, { out, err }) => {
    const [file, ...calls] = args.positionals;
    if (calls.length > 0 && args.rest !== undefined) {
      throw new CommandLineError("Arguments after -- are those of a program, and there is a CALL");
    }
    const at = args.value("listen");
    if (calls.length > 0 && at !== undefined) {
      throw new CommandLineError(
        "The option --listen is for programs and for what answers requests, and there is a CALL",
      );
    }
    const { worldOf } = await import("../../scripts/toolchain/run/world.ts");
    const { answersRequests, placeOf, runCalls, runProgram } = await import("../../scripts/toolchain/run/command.ts");
    const { addressOf, serveUntilInterrupted, shown } = await import("../../scripts/toolchain/run/serve.ts");
    const address = at === undefined ? undefined : addressOf(at);
    const world = await worldOf({
      file: file!,
      args: args.rest ?? [],
      env: args.values("env"),
      stdin: args.value("stdin"),
      dirs: args.values("dir"),
      net: args.values("net"),
      listen: address === undefined ? [] : [shown(address)],
    });
    const serves = address !== undefined && (await answersRequests(file!));
    const waits = args.values("net").length > 0 || (address !== undefined && !serves);
    const options = { imports: [world], isolation: waits ? await placeOf(file!) : "thread" } as const;
    if (serves) {
      await serveUntilInterrupted(file!, address, options, {
        begun: (url) => err(`Serving ${url}\n`),
        failed: (text) => err(`${text}\n`),
      });
      return 0;
    }
    if (calls.length === 0) return runProgram(file!, options);
    return (await runCalls(file!, calls, options, (text) => out(`${text}\n`))) ? 0 : 1;
  },
};

const inspect: Command = {
  positionals: ["FILE"],
  options: {
    wit: { explains: "print only the WIT of its world" },
    json: { explains: "print plain data as JSON" },
  },
  summary: "Shows what a component imports, exports and contains",
  run: async (args, { out }) => {
    const inspection = await inspectFile(args.positionals[0]!);
    if (args.has("wit")) out(`${inspection.wit.trimEnd()}\n`);
    else out(args.has("json") ? `${printableJson(inspection)}\n` : formatInspection(inspection));
    return 0;
  },
};

const dev: Command = {
  // Components are ready: nothing is built for them.
  needs: ({ positionals }) =>
    positionals.length > 0 && positionals.every((path) => path.endsWith(".wasm")) ? undefined : "compiler",
  positionals: ["[DIR|FILE...]"],
  options: {
    wit: nearbyWit,
    world,
    "out-dir": { value: "DIR", explains: "the folder for components; default build in each module's folder" },
    features,
    release: { explains: "optimise; by default builds are as with --debug" },
    port: { value: "NUMBER", explains: "the port; default 5173, or the next one that is free" },
  },
  summary: "Serves a page that shows modules running, and swaps them while their sources are edited",
  run: async (args, streams) => {
    const { devUntilInterrupted } = await import("../../scripts/toolchain/dev/command.ts");
    const port = args.value("port");
    if (port !== undefined && !(/^\d+$/.test(port) && Number(port) < 65_536)) {
      throw new CommandLineError(`Expected --port to be a number from 0 to 65535, got ${port}`);
    }
    const options = { ...witChoice(args), outDir: args.value("out-dir"), release: args.has("release") };
    return devUntilInterrupted(
      args.positionals,
      { ...options, port: port === undefined ? undefined : Number(port) },
      streams,
    );
  },
};

const check: Command = {
  needs: () => "wit",
  positionals: ["FILE"],
  options: { wit, world, features, json: { explains: "print what does not fit as JSON" } },
  summary: "Tells whether a component fits a WIT world",
  run: async (args, { out, err }) => {
    const { readWorld } = await import("../../scripts/toolchain/wit/world.ts");
    const { checkWorld } = await import("../module/imports/type-check.ts");
    const file = args.positionals[0]!;
    const { imports, exportDecls } = await readPlan(file);
    const { description } = await readWorld(args.value("wit")!, witChoice(args));
    const issues = checkWorld({ imports, exports: exportDecls }, description);
    if (args.has("json")) out(`${printableJson({ world: description.name, fits: issues.length === 0, issues })}\n`);
    else if (issues.length === 0) out(`${file} fits the world ${description.name}\n`);
    else err(`${file} does not fit the world ${description.name}:\n${formatIssues(issues)}`);
    return issues.length === 0 ? 0 : 1;
  },
};

const review: Command = {
  positionals: ["FILE"],
  options: {
    against: { value: "OLD", explains: "the version before: tell what is new beside it" },
    granted: { value: "JSON", explains: "a file of grants: tell what is missing there, and fail if anything is" },
    needs: { explains: "print the grants for exactly what it needs, as JSON" },
    json: { explains: "print plain data as JSON" },
  },
  summary: "Tells what a component can do and what it never can, from its bytes alone",
  run: async (args, { out }) => {
    const { reviewFile } = await import("./review.ts");
    if (args.has("needs") && args.has("json"))
      throw new CommandLineError("The options --needs and --json exclude each other");
    const found = await reviewFile(args.positionals[0]!, args.value("against"), args.value("granted"));
    if (args.has("needs")) out(`${printableJson(found.needs)}\n`);
    else out(args.has("json") ? `${printableJson(found)}\n` : found.text);
    return Object.keys(found.missing ?? {}).length === 0 ? 0 : 1;
  },
};

const bind: Command = {
  positionals: ["FILE"],
  options: {
    out: { value: "DIR", explains: "the folder to write to", required: true },
    limits: { explains: "core modules that can be kept within limits of time, steps and memory" },
    stack: { explains: "core modules that can be kept within all limits, stackBytes too" },
    jspi: { explains: "calls that may wait: what is written is loaded with jspi: true" },
  },
  summary: "Writes a component's bindings ahead of time, for pages that forbid evaluation",
  run: async (args, { out }) => {
    const { bindFile } = await import("./bind.ts");
    const { displayPath } = await import("../../scripts/toolchain/build/files.ts");
    const limits = args.has("stack") ? "stack" : args.has("limits");
    const files = await bindFile(args.positionals[0]!, args.value("out")!, { limits, jspi: args.has("jspi") });
    out(files.map((file) => `${displayPath(file)}\n`).join(""));
    return 0;
  },
};

const keygen: Command = {
  positionals: ["FILE"],
  options: {},
  summary: "Writes a fresh key to sign components with, and beside it FILE.pub, the public key for signedBy",
  run: async (args, { out }) => {
    const { generateKeyFiles } = await import("./sign.ts");
    const [secret, open] = await generateKeyFiles(args.positionals[0]!);
    out(`${secret}, to be kept secret\n${open}, for those who load what you sign\n`);
    return 0;
  },
};

const key: Option = {
  value: "KEY",
  explains: "a file with a key of Ed25519: PEM, JWK, or 32 bytes, also as base64",
  required: true,
};

const sign: Command = {
  positionals: ["FILE"],
  options: {
    key,
    out: { value: "FILE", explains: "the file of the signature; default FILE.sig beside the component" },
  },
  summary: "Signs the bytes of a component: load checks them with signedBy",
  run: async (args, { out }) => {
    const { signFile } = await import("./sign.ts");
    out(`${await signFile(args.positionals[0]!, args.value("key")!, args.value("out"))}\n`);
    return 0;
  },
};

const verify: Command = {
  positionals: ["FILE"],
  options: {
    key,
    signature: { value: "FILE", explains: "the file of the signature; default FILE.sig beside the component" },
  },
  summary: "Tells whether a component is signed by the private key that belongs to a public one",
  run: async (args, { out }) => {
    const { verifyFile } = await import("./sign.ts");
    const [file] = args.positionals;
    await verifyFile(file!, args.value("key")!, args.value("signature"));
    out(`${file} is signed by ${args.value("key")}\n`);
    return 0;
  },
};

/** Every command by its name, in the order of the help. */
export const commands: ReadonlyMap<string, Command> = new Map([
  ["init", init],
  ["new", create],
  ["build", build],
  ["types", types],
  ["run", run],
  ["dev", dev],
  ["inspect", inspect],
  ["review", review],
  ["check", check],
  ["bind", bind],
  ["keygen", keygen],
  ["sign", sign],
  ["verify", verify],
]);

function compilerChoice(args: Arguments): {
  debug: boolean;
  sourceMap: "file" | undefined;
  asc: string[] | undefined;
  transforms: string[] | undefined;
} {
  if (args.has("debug") && args.has("release")) {
    throw new CommandLineError("The options --debug and --release exclude each other");
  }
  return {
    debug: args.has("debug"),
    sourceMap: args.has("source-map") ? "file" : undefined,
    asc: args
      .value("asc")
      ?.split(/\s+/)
      .filter((option) => option !== ""),
    transforms: args
      .value("transform")
      ?.split(",")
      .filter((name) => name !== ""),
  };
}

function witChoice(args: Arguments): {
  wit: string | undefined;
  world: string | undefined;
  features: readonly string[] | "all" | undefined;
} {
  const features = args.value("features");
  return {
    wit: args.value("wit"),
    world: args.value("world"),
    features: features === "all" ? "all" : features?.split(",").filter((name) => name !== ""),
  };
}
