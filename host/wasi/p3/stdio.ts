/** `wasi:cli` 0.3: stdin, stdout and stderr. */
import { outputOf, stdinOf } from "../cli/stdio.ts";
import type { Face, Faces } from "../state.ts";
import { drained, flowFrom, flowing, type GuestStream, hasEnded, writerTo } from "./streams.ts";

/** The enumeration `error-code` of `wasi:cli/types`. */
function codeOf(error: unknown): "pipe" | "io" {
  return hasEnded(error) ? "pipe" : "io";
}

function outputFace(name: "stdout" | "stderr"): Face {
  const from = `wasi:cli/${name}`;
  return (state) => ({
    writeViaStream(data: GuestStream) {
      if (state.watched) state.access(from, "write-via-stream", true);
      return drained(data, writerTo(outputOf(state, name)), codeOf);
    },
  });
}

export const stdioFaces: Faces = {
  "wasi:cli/stdin": (state) => ({
    readViaStream() {
      const { stdin } = state.options;
      if (state.watched) state.access("wasi:cli/stdin", "read-via-stream", stdin !== undefined);
      return flowing(flowFrom(stdinOf(state, state.platform.inherit.stdinStream)), codeOf);
    },
  }),
  "wasi:cli/stdout": outputFace("stdout"),
  "wasi:cli/stderr": outputFace("stderr"),
};
