/**
 * Who uses whom. An edge belongs to one version of a module, so a reload holds the providers of both versions until the
 * old one is gone.
 */
export class Graph {
  readonly #edges = new Map<object, { readonly dependent: string; readonly providers: readonly string[] }>();
  /** Provider → the versions that use it. */
  readonly #users = new Map<string, Set<object>>();

  /** @param version identifies the edges for {@link release} */
  hold(run: object, dependent: string, providers: readonly string[]): void {
    if (providers.length === 0) return;
    this.#edges.set(run, { dependent, providers });
    for (const provider of providers) {
      const users = this.#users.get(provider) ?? new Set();
      this.#users.set(provider, users.add(run));
    }
  }

  release(run: object): void {
    for (const provider of this.#edges.get(run)?.providers ?? []) {
      const users = this.#users.get(provider)!;
      users.delete(run);
      if (users.size === 0) this.#users.delete(provider);
    }
    this.#edges.delete(run);
  }

  uses(name: string): string[] {
    const found = new Set<string>();
    for (const { dependent, providers } of this.#edges.values()) {
      if (dependent === name) for (const provider of providers) found.add(provider);
    }
    return [...found].sort();
  }

  usedBy(name: string): string[] {
    const found = new Set<string>();
    for (const run of this.#users.get(name) ?? []) found.add(this.#edges.get(run)!.dependent);
    found.delete(name);
    return [...found].sort();
  }

  /** Everything that needs `name`, directly or not, in the order in which it can be unloaded. */
  dependents(name: string): string[] {
    const order: string[] = [];
    const seen = new Set([name]);
    const visit = (at: string): void => {
      for (const dependent of this.usedBy(at)) {
        if (seen.has(dependent)) continue;
        seen.add(dependent);
        visit(dependent);
        order.push(dependent);
      }
    };
    visit(name);
    return order;
  }
}
