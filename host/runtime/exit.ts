/** How a guest that ends itself is told from one that fails, whoever gives it the function for it. */

/** The exit code of an error with the `code` "exit", as `tenon/wasi` throws it; `undefined` of every other. Does not throw. */
export function exitCodeOf(error: unknown): number | undefined {
  try {
    const { code, exitCode } = error as { readonly code?: unknown; readonly exitCode?: unknown };
    return code === "exit" && typeof exitCode === "number" ? exitCode : undefined;
  } catch {
    // Nothing, or what cannot be read.
    return undefined;
  }
}
