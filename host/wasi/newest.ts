/** A function of a module's by the interface that it is in, whatever its version. */
import { compareIds, withoutVersion } from "../model/ids.ts";

/** What is needed of a module. */
export interface Exporting {
  readonly exports?: object;
  get(path: string): Function | undefined;
}

/**
 * The function of the newest version of an interface that the module exports: a Rust program of WASI 0.3 exports `wasi:cli/run` of 0.2
 * too, which is that of its empty `main`.
 * @param id the interface, without a version
 */
export function newestOf(module: Exporting, id: string, name: string): Function | undefined {
  const only = module.get(`${id}#${name}`);
  if (only !== undefined) return only;
  const [newest] = Object.keys(module.exports ?? {})
    .filter((key) => withoutVersion(key) === id)
    .sort((a, b) => compareIds(b, a));
  return newest === undefined ? undefined : module.get(`${newest}#${name}`);
}
