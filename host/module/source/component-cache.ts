/** What was prepared, kept as long as anybody uses it. */
import type { EngineComponent } from "../../runtime/engine.ts";
import type { OpenedSource } from "./source.ts";

/** Components by engine, bytes and recipe: compiled once while anybody uses them, and let go with their last user. */
export class ComponentCache {
  readonly #compiled = new Map<string, WeakRef<EngineComponent>>();
  readonly #compiling = new Map<string, Promise<EngineComponent>>();
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#compiled.get(key)?.deref() === undefined) this.#compiled.delete(key);
  });

  get(source: OpenedSource): Promise<EngineComponent> {
    const { key } = source;
    const known = this.#compiled.get(key)?.deref();
    if (known !== undefined) return Promise.resolve(known);
    let compiling = this.#compiling.get(key);
    if (compiling === undefined) {
      compiling = this.#compile(source).finally(() => this.#compiling.delete(key));
      this.#compiling.set(key, compiling);
    }
    return compiling;
  }

  async #compile({ key, prepare }: OpenedSource): Promise<EngineComponent> {
    const component = await prepare();
    this.#compiled.set(key, new WeakRef(component));
    this.#collected.register(component, key);
    return component;
  }
}
