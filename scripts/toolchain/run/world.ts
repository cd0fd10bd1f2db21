/**
 * What `tenon run` gives a component of the world: what the command line says, and nothing else.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { UsageError } from "../../../host/errors.ts";
import { directory, type FileSystem, readOnly, wasi, type WasiOptions } from "../../../host/node/wasi.ts";
import { wordsOf } from "../../../host/words.ts";

/** Of the command line. */
export interface Given {
  /** The component. */
  readonly file: string;
  readonly args: readonly string[];
  /** `NAME=VALUE`, or `NAME` for the value that it has here. */
  readonly env: readonly string[];
  /** A file. */
  readonly stdin?: string | undefined;
  /** `HOST::GUEST`, or `HOST` for the same path on both sides; with `:ro` at its end nothing there is changed. */
  readonly dirs: readonly string[];
  /** `host:port`, or what else the option `net` of `wasi` takes. */
  readonly net: readonly string[];
  /** `address:port`, where a program may listen. */
  readonly listen: readonly string[];
}

/** The imports of one run. @throws {UsageError} for what cannot be given */
export async function worldOf({ file, args, env, stdin, dirs, net, listen }: Given): Promise<ReturnType<typeof wasi>> {
  const options: WasiOptions = {
    args: [basename(file), ...args],
    env: Object.fromEntries(env.flatMap(variable)),
    stdin: stdin === undefined ? "inherit" : await readStdin(stdin),
    preopens: preopensOf(dirs),
    net,
    listen,
    stdout: "inherit",
    stderr: "inherit",
  };
  return wasi(options);
}

/** A variable that is not set here is not set there. */
function variable(text: string): [name: string, value: string][] {
  const end = text.indexOf("=");
  const name = end < 0 ? text : text.slice(0, end);
  if (name === "") throw new UsageError(`Expected --env to be NAME=VALUE or NAME, got ${text}`);
  const value = end < 0 ? process.env[name] : text.slice(end + 1);
  return value === undefined ? [] : [[name, value]];
}

function preopensOf(dirs: readonly string[]): Record<string, FileSystem> {
  const found = new Map<string, FileSystem>();
  for (const text of dirs) {
    const kept = text.endsWith(":ro");
    const paths = kept ? text.slice(0, -":ro".length) : text;
    const end = paths.indexOf("::");
    const [here, there] = end < 0 ? [paths, paths] : [paths.slice(0, end), paths.slice(end + 2)];
    if (here === "" || there === "")
      throw new UsageError(`Expected --dir to be HOST, HOST::GUEST or either with :ro, got ${text}`);
    if (found.has(there)) throw new UsageError(`Two directories of --dir are ${there} for the program`);
    const files = directory(here);
    found.set(there, kept ? readOnly(files) : files);
  }
  return Object.fromEntries(found);
}

async function readStdin(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new UsageError(`Could not read ${file}: ${wordsOf(cause)}`, { cause });
  }
}
