/**
 * The last line of a test run, for people and programs: `N passed, N failed`, and `, N skipped` when some were.
 *
 * A file that fails before its tests exist, and an error outside any test, count as one failure each.
 */
import type { Reporter, TestModule } from "vitest/node";

export default class ClosingLine implements Reporter {
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
    process.once("exit", () => process.stdout.write(`\n${line}\n`));
  }
}
