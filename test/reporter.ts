/**
 * The last lines of a test run, for people and programs: the seed of the random tests, and `N passed, N failed`, with
 * `, N skipped` when some were.
 *
 * A file that fails before its tests exist, and an error outside any test, count as one failure each.
 */
import type { Reporter, TestModule } from "vitest/node";

export default class ClosingLines implements Reporter {
  readonly #seed: number;

  constructor({ seed }: { readonly seed: number }) {
    this.#seed = seed;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      const before = count.failed;
      for (const test of module.children.allTests()) count[test.result().state]++;
      if (module.state() === "failed" && count.failed === before) count.failed++;
    }
    const skipped = count.skipped + count.pending;
    const line = `${count.passed} passed, ${count.failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
    // At exit, so that nothing another reporter has to say comes after it.
    process.once("exit", () =>
      process.stdout.write(
        `\nThe seed was ${this.#seed}: TENON_SEED=${this.#seed} repeats the random tests.\n${line}\n`,
      ),
    );
  }
}
