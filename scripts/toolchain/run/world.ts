/**
 * What `tenon run` gives a component of the world: what the command line says, and nothing else.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { UsageError } from "../../../host/errors.ts";
import { wasi, type WasiOptions } from "../../../host/node/wasi.ts";
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
}

/** The imports of one run. @throws {UsageError} for what cannot be given */
export async function worldOf({ file, args, env, stdin }: Given): Promise<ReturnType<typeof wasi>> {
  const options: WasiOptions = {
    args: [basename(file), ...args],
    env: Object.fromEntries(env.flatMap(variable)),
    stdin: stdin === undefined ? "inherit" : await readStdin(stdin),
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

async function readStdin(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new UsageError(`Could not read ${file}: ${wordsOf(cause)}`, { cause });
  }
}
