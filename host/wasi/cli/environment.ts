/** `wasi:cli/environment` and `wasi:config`: what a guest is told, which is what was given and nothing of the machine. */
import { secretsOf } from "../net/secrets.ts";
import type { Faces, WasiState } from "../state.ts";

const ENVIRONMENT = "wasi:cli/environment";

function config(state: WasiState, from: string): object {
  const { config: given = {} } = state.options;
  const value = (key: string): string | undefined => (Object.hasOwn(given, key) ? given[key] : undefined);
  return {
    get(key: string) {
      const found = value(key);
      if (state.watched) state.access(from, "get", found !== undefined, key);
      return found;
    },
    getAll() {
      if (state.watched) state.access(from, "get-all", state.options.config !== undefined);
      return Object.entries(given);
    },
  };
}

export const environmentFaces: Faces = {
  [ENVIRONMENT]: (state) => {
    const { args = [], env = {}, cwd } = state.options;
    const secrets = secretsOf(state).variables;
    // A secret's name is its own, whatever else is given by it.
    const variables = [...Object.entries(env).filter(([key]) => !secrets.some(([name]) => name === key)), ...secrets];
    const told = <T>(action: string, given: unknown, value: T): T => {
      if (state.watched) state.access(ENVIRONMENT, action, given !== undefined);
      return value;
    };
    return {
      getEnvironment: () => told("get-environment", state.options.env ?? state.options.secrets, variables),
      getArguments: () => told("get-arguments", state.options.args, args),
      initialCwd: () => told("initial-cwd", cwd, cwd),
      // As it is called in 0.3.
      getInitialCwd: () => told("get-initial-cwd", cwd, cwd),
    };
  },
  "wasi:config/store": (state) => config(state, "wasi:config/store"),
  // As it was called before.
  "wasi:config/runtime": (state) => config(state, "wasi:config/runtime"),
};
