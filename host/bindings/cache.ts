/**
 * A cache of what was made from components: held as long as one of them uses it, and a little longer when it is small.
 *
 * A component that is unloaded for good must not stay as what was made of it, however large it was; one that is loaded
 * again and again should find it. So everything is held weakly, and the latest small things for themselves as well.
 */
export class Cache<V extends object> {
  /** Bytes of all that is held without a user. */
  readonly #capacity: number;
  readonly #known = new Map<string, WeakRef<V>>();
  readonly #kept = new Map<string, { readonly value: V; readonly size: number }>();
  #keptBytes = 0;
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key);
  });

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): V | undefined {
    const value = this.#known.get(key)?.deref();
    const kept = this.#kept.get(key);
    if (value !== undefined && kept !== undefined) this.#keep(key, value, kept.size);
    return value;
  }

  /** @param size bytes that the value was made from, which those it takes are bounded by in proportion */
  set(key: string, value: V, size: number): void {
    this.#known.set(key, new WeakRef(value));
    this.#collected.register(value, key);
    // A single large entry would evict all others.
    if (size <= this.#capacity / 8) this.#keep(key, value, size);
  }

  #keep(key: string, value: V, size: number): void {
    this.#forget(key);
    // The least recently used entry is the first one of a map whose hits move to its end.
    this.#kept.set(key, { value, size });
    this.#keptBytes += size;
    while (this.#keptBytes > this.#capacity) this.#forget(this.#kept.keys().next().value!);
  }

  #forget(key: string): void {
    this.#keptBytes -= this.#kept.get(key)?.size ?? 0;
    this.#kept.delete(key);
  }
}
