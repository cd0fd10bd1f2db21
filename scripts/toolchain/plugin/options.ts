/**
 * What a project may say to the plugin.
 */
import { UsageError } from "../../../host/errors.ts";

/** Options of the plugin. */
export interface PluginOptions {
  /**
   * Write the bindings of components ahead of time in production builds, so that the output evaluates no text: for pages whose
   * Content-Security-Policy forbids it, and for starting without the compiler. Default `false`; `true` for `target: "workerd"`.
   */
  readonly bind?: boolean | undefined;
  /**
   * `"workerd"`: core modules are imported statically, as runtimes want it that forbid compiling at run time. Vite, Rollup,
   * Rolldown and esbuild. Default: they are fetched or read from beside the output.
   */
  readonly target?: "default" | "workerd" | undefined;
  /** Optimise modules that are built. Default: in production builds, not where a development server or tests run. */
  readonly optimize?: boolean | undefined;
  /** Write the types of what is imported beside it. Default `true`; nothing is ever written into `node_modules`. */
  readonly types?: boolean | undefined;
  /** The folder for records of builds and for components. Default `node_modules/.cache/tenon`. */
  readonly cache?: string | undefined;
}

const NAMES = ["bind", "target", "optimize", "types", "cache"];
const TARGETS = ["default", "workerd"];

/** Bundlers that leave an import of a core module in their output. */
const IMPORTING = ["vite", "rollup", "rolldown", "esbuild"];

/** @throws {UsageError} for an option that is unknown or has no such value, here */
export function checkPluginOptions(options: PluginOptions, framework: string): void {
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name)) {
      throw new UsageError(`Unknown option ${name} of tenon/plugin; there are ${NAMES.join(", ")}`);
    }
  }
  const { target = "default" } = options;
  if (!TARGETS.includes(target)) {
    throw new UsageError(`Expected the option target of tenon/plugin to be ${TARGETS.join(" or ")}, got ${target}`);
  }
  if (target === "workerd" && !IMPORTING.includes(framework)) {
    throw new UsageError(
      `The option target of tenon/plugin is "workerd", which works in ${IMPORTING.join(", ")} and not in ${framework}`,
    );
  }
}
