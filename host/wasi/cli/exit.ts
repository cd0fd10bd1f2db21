/** `wasi:cli/exit`, and what a program sees of it. */
import { ComponentError, TenonError, UsageError } from "../../errors.ts";
import { exitCodeOf } from "../../runtime/exit.ts";
import { newestOf } from "../newest.ts";
import type { Faces } from "../state.ts";

/** The guest has ended itself with `wasi:cli/exit`: the cause of the error that its call ends with, whatever the code is. */
export class ExitError extends TenonError {
  /** 0 is success. */
  readonly exitCode: number;
  constructor(exitCode: number) {
    super("exit", `The guest ended itself with the exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** The exit code that an error of a call stands for; `undefined` when it is none of `wasi:cli/exit`. */
function exitCodeBehind(error: unknown): number | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    const code = exitCodeOf(at);
    if (code !== undefined) return code;
  }
  return undefined;
}

/**
 * Runs a command: a component that exports `wasi:cli/run`; of several versions the newest.
 * @returns the exit code: 0 when `run` returned, 1 when it returned an error, else that of `wasi:cli/exit`
 * @throws what else its call ends with, and {@link UsageError} when the module is no command
 */
export async function runCommand(module: {
  readonly name: string;
  readonly exports: object;
  get(path: string): Function | undefined;
}): Promise<number> {
  const run = newestOf(module, "wasi:cli/run", "run");
  if (run === undefined)
    throw new UsageError(`Module ${module.name} exports no wasi:cli/run, so it cannot be run as a command`);
  try {
    await (run as () => unknown)();
    return 0;
  } catch (error) {
    if (error instanceof ComponentError) return 1;
    const code = exitCodeBehind(error);
    if (code === undefined) throw error;
    return code;
  }
}

export const exitFaces: Faces = {
  "wasi:cli/exit": (state) => {
    const end = (action: string, code: number): never => {
      if (state.watched) state.access("wasi:cli/exit", action, true, String(code));
      throw new ExitError(code);
    };
    return {
      exit: (status: { readonly tag: "ok" | "err" }) => end("exit", status.tag === "ok" ? 0 : 1),
      exitWithCode: (code: number) => end("exit-with-code", code),
    };
  },
};
