/** `wasi:cli`: stdin, stdout, stderr and the terminals. */
import { Input, InputStream, Output, OutputStream, type Sink, type Source } from "../io/streams.ts";
import type { MaybePromise } from "../maybe.ts";
import type { OutputTo, StdinFrom, WasiOptions } from "../options.ts";
import type { Face, Faces, WasiState } from "../state.ts";
import { UnsupportedError } from "../../errors.ts";
import { lines } from "./lines.ts";

/** The resource `terminal-input`: that standard input is one, and nothing else. */
class TerminalInput {}
/** The resource `terminal-output`. */
class TerminalOutput {}

const encoder = new TextEncoder();
const bytesOf = (chunk: Uint8Array | string): Uint8Array => (typeof chunk === "string" ? encoder.encode(chunk) : chunk);

/** Bytes that are there. */
function sourceOfBytes(bytes: Uint8Array): Source {
  let at = 0;
  return {
    immediate: true,
    read(most) {
      if (at === bytes.length) return undefined;
      return bytes.subarray(at, (at = Math.min(at + most, bytes.length)));
    },
  };
}

function sourceOf(from: StdinFrom): Source {
  if (typeof from === "string" || from instanceof Uint8Array) return sourceOfBytes(bytesOf(from));
  if ("getReader" in from) {
    const reader = from.getReader();
    return {
      read: () => reader.read().then(({ done, value }) => (done || value === undefined ? undefined : bytesOf(value))),
      close: () => void reader.cancel().then(undefined, () => undefined),
    };
  }
  if (Symbol.asyncIterator in from) {
    const iterator = from[Symbol.asyncIterator]();
    return {
      read: async () => {
        const { done, value } = await iterator.next();
        return done === true ? undefined : bytesOf(value);
      },
      close: () => void iterator.return?.().then(undefined, () => undefined),
    };
  }
  const iterator = from[Symbol.iterator]();
  const read = (): Uint8Array | undefined => {
    for (;;) {
      const { done, value } = iterator.next();
      if (done === true) return undefined;
      const bytes = bytesOf(value);
      if (bytes.length > 0) return bytes;
    }
  };
  return { read, close: () => void iterator.return?.() };
}

function sinkOf(to: OutputTo): Sink {
  if (Array.isArray(to)) return { write: (bytes) => void to.push(bytes) };
  return { write: (bytes) => to(bytes) as MaybePromise<void> };
}

function noInherit(name: string): never {
  throw new UnsupportedError("worker", `${name}: "inherit" needs a program with standard streams, and a page has none`);
}

/**
 * Standard input, one for all who read it in an instance.
 * @param inherited the program's own, as the first who asks reads it
 */
export function stdinOf(state: WasiState, inherited: (() => Source) | undefined): Input {
  return state.shared(Input, () => {
    const from = state.options.stdin ?? new Uint8Array(0);
    const source = from === "inherit" ? (inherited ?? noInherit("stdin"))() : sourceOf(from);
    const input = new Input(state.waiting, source);
    state.defer(() => input.close());
    return input;
  });
}

type Out = "stdout" | "stderr";

const KEYS: Readonly<Record<Out, object>> = { stdout: {}, stderr: {} };

/** Standard output or error, one for all who write it in an instance. */
export function outputOf(state: WasiState, name: Out): Output {
  return state.shared(KEYS[name], () => {
    const to: WasiOptions[Out] = state.options[name];
    const sink = (): Sink => {
      if (to === undefined) return lines(state, name === "stdout" ? "log" : "error");
      return to === "inherit" ? { write: state.platform.inherit[name] ?? noInherit(name) } : sinkOf(to);
    };
    return new Output(state.waiting, sink());
  });
}

function outputFace(name: Out): Face {
  const get = name === "stdout" ? "getStdout" : "getStderr";
  return (state) => ({
    [get]() {
      if (state.watched) state.access(`wasi:cli/${name}`, `get-${name}`, true);
      return new OutputStream(state.waiting, outputOf(state, name));
    },
  });
}

function isTerminal({ options, platform }: WasiState, name: "stdin" | Out, fd: 0 | 1 | 2): boolean {
  return options[name] === "inherit" && platform.inherit.isTerminal?.(fd) === true;
}

export const stdioFaces: Faces = {
  "wasi:cli/stdin": (state) => ({
    getStdin() {
      if (state.watched) state.access("wasi:cli/stdin", "get-stdin", state.options.stdin !== undefined);
      const { stdin: read } = state.platform.inherit;
      return new InputStream(state.waiting, stdinOf(state, read && (() => ({ read }))));
    },
  }),
  "wasi:cli/stdout": outputFace("stdout"),
  "wasi:cli/stderr": outputFace("stderr"),
};

export const terminalFaces: Faces = {
  "wasi:cli/terminal-input": () => ({ TerminalInput }),
  "wasi:cli/terminal-output": () => ({ TerminalOutput }),
  "wasi:cli/terminal-stdin": (state) => ({
    getTerminalStdin: () => (isTerminal(state, "stdin", 0) ? new TerminalInput() : undefined),
  }),
  "wasi:cli/terminal-stdout": (state) => ({
    getTerminalStdout: () => (isTerminal(state, "stdout", 1) ? new TerminalOutput() : undefined),
  }),
  "wasi:cli/terminal-stderr": (state) => ({
    getTerminalStderr: () => (isTerminal(state, "stderr", 2) ? new TerminalOutput() : undefined),
  }),
};
