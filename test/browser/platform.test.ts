import { expect, test } from "vitest";

test("the page is a real browser without anything of Node", () => {
  expect(typeof document).toBe("object");
  expect((globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node).toBeUndefined();
  expect(typeof WebAssembly.Memory).toBe("function");
});
