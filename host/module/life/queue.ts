/**
 * One operation at a time, in the order they were asked for; the first begins at once when nothing runs.
 */
export class Queue {
  #tail: Promise<unknown> | undefined;

  run<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#tail === undefined ? operation() : this.#tail.then(operation);
    const settled: Promise<unknown> = result.then(nothing, nothing).then(() => {
      if (this.#tail === settled) this.#tail = undefined;
    });
    this.#tail = settled;
    return result;
  }
}

function nothing(): void {}
