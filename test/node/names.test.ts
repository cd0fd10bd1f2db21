import { describe, expect, test } from "vitest";
import { isCompatibleId, withoutVersion } from "../../host/model/ids.ts";
import {
  explainExternName,
  interfaceId,
  isLabel,
  parseExternName,
  parseInterfaceId,
  uniquenessKey,
} from "../../host/model/extern-names.ts";
import { compareVersions, isCompatible, parseVersion } from "../../host/model/semver.ts";
import { toCamelCase, toPascalCase } from "../../host/model/spelling.ts";

test("toCamelCase and toPascalCase spell WIT names as JavaScript ones", () => {
  const spelled = ["add", "get-value", "HTTP-get", "parse-JSON", "x1-2-y", "A"].map((name) => [
    toCamelCase(name),
    toPascalCase(name),
  ]);
  expect(spelled).toEqual([
    ["add", "Add"],
    ["getValue", "GetValue"],
    ["httpGet", "HttpGet"],
    ["parseJson", "ParseJson"],
    ["x12Y", "X12Y"],
    ["a", "A"],
  ]);
});

test("isLabel accepts words of one case, the first starting with a letter", () => {
  for (const label of ["a", "a1", "a-1", "B-1-C", "is-XML", "m1x3d-4CR0NYMS"]) expect(isLabel(label), label).toBe(true);
  for (const text of ["", "1", "1-a", "a-", "-a", "a--b", "aB", "a_b", "é", "a b", "a\n"]) {
    expect(isLabel(text), JSON.stringify(text)).toBe(false);
  }
});

describe("parseExternName", () => {
  test("tells the forms apart", () => {
    expect(parseExternName("get-JSON")).toEqual({ kind: "label", label: "get-JSON" });
    expect(parseExternName("[constructor]file")).toEqual({ kind: "constructor", resource: "file" });
    expect(parseExternName("[method]file.read-all")).toEqual({ kind: "method", resource: "file", label: "read-all" });
    expect(parseExternName("[static]file.open")).toEqual({ kind: "static", resource: "file", label: "open" });
    expect(parseExternName("wasi:http/types")).toEqual({
      kind: "interface",
      namespace: "wasi",
      package: "http",
      interface: "types",
      version: undefined,
    });
    expect(parseExternName("a-b:c-d/e-F@1.2.3-rc.1+b.5")).toMatchObject({
      interface: "e-F",
      version: "1.2.3-rc.1+b.5",
    });
    expect(parseExternName("a:b/c@0.2")).toMatchObject({ version: "0.2" });
  });

  test.each([
    ["Foo", "kebab-case"],
    ["", "kebab-case"],
    ["[method]a", "no `.`"],
    ["[method]a.", "kebab-case"],
    ["[static]a.b.c", '"b.c"'],
    ["[constructor]", "kebab-case"],
    ["[other]a", "kebab-case"],
    ["WASI:http/types", "namespace"],
    ["wasi:HTTP/types", "package"],
    ["wasi:http", "no `/`"],
    ["a:b:c/d", "package"],
    ["a:b/c/d", "kebab-case"],
    ["a:b/c@", "semantic version"],
    ["a:b/c@1.2", "semantic version"],
    ["a:b/c@01.2.3", "semantic version"],
    ["a:b/c@1.2.3-01", "semantic version"],
    ["a:b/c@1.2.3+", "semantic version"],
    // Names that locate dependencies could hold any text; the specification has dropped them.
    ["locked-dep=<a:b@1.0.0>,integrity=<sha256-x>", "dropped"],
    ["unlocked-dep=<a:b>", "dropped"],
    ["url=<{};globalThis.pwned=1;class x>", "dropped"],
    ["integrity=<sha256-x>", "dropped"],
  ])("refuses %j and says why", (name, reason) => {
    expect(parseExternName(name)).toBeUndefined();
    expect(explainExternName(name)).toContain(reason);
  });
});

test("interfaceId writes what parseInterfaceId reads, and withoutVersion drops the version", () => {
  for (const id of ["demo:log/log@0.1.0", "demo:log/log"]) expect(interfaceId(parseInterfaceId(id)!)).toBe(id);
  expect(parseInterfaceId("log")).toBeUndefined();
  expect(withoutVersion("demo:log/log@0.1.0")).toBe("demo:log/log");
  expect(withoutVersion("log")).toBe("log");
});

test.each([
  ["1.4.0", "1.2.9", true],
  ["1.2.0", "1.2.0+build", true],
  ["1.2.0", "1.3.0", false],
  ["2.0.0", "1.0.0", false],
  ["0.2.6", "0.2.1", true],
  ["0.2.1", "0.2.6", false],
  ["0.3.0", "0.2.0", false],
  ["0.0.1", "0.0.1", true],
  ["0.0.2", "0.0.1", false],
  ["1.0.0-rc.1", "1.0.0-rc.1", true],
  ["1.0.0-rc.2", "1.0.0-rc.1", false],
  ["1.0.0", "1.0.0-rc.1", false],
  ["1.0.0-rc.1", "1.0.0", false],
  ["0.2", "0.2.9", true],
  ["0.2.9", "0.2", true],
  ["1", "0.2", false],
  ["nonsense", "nonsense", true],
  ["nonsense", "1.0.0", false],
])("isCompatible: %s may stand for %s is %s", (provided, wanted, expected) => {
  expect(isCompatible(provided, wanted)).toBe(expected);
  expect(isCompatibleId(`a:b/c@${provided}`, `a:b/c@${wanted}`)).toBe(expected);
});

test("isCompatibleId compares what is before the version", () => {
  expect(isCompatibleId("a:b/c@1.1.0", "a:b/c@1.0.0")).toBe(true);
  expect(isCompatibleId("a:b/d@1.1.0", "a:b/c@1.0.0")).toBe(false);
  expect(isCompatibleId("a:b/c", "a:b/c@1.0.0")).toBe(false);
  expect(isCompatibleId("log", "log")).toBe(true);
  expect(isCompatibleId("log", "logs")).toBe(false);
});

test("compareVersions orders as semantic versioning does", () => {
  const ordered = [
    "0.0.1",
    "0.9.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.10",
    "1.10.0",
    "10.0.0",
  ].map((text) => parseVersion(text)!);
  for (let i = 0; i < ordered.length; i++) {
    for (let j = 0; j < ordered.length; j++) {
      expect(Math.sign(compareVersions(ordered[i]!, ordered[j]!))).toBe(Math.sign(i - j));
    }
  }
});

test("uniquenessKey makes names of one scope conflict as the specification says", () => {
  const together = ["foo", "foo-bar", "[constructor]foo", "[method]foo.bar", "[static]foo.baz", "foo:bar/baz"];
  expect(new Set(together.map(uniquenessKey)).size).toBe(together.length);
  const conflicting = [
    "FOO",
    "foo-BAR",
    "[constructor]FOO",
    "[method]foo.BAR",
    "[static]foo.bar",
    "[method]foo.baz",
    "[method]foo.foo",
    "[static]foo-BAR.FOO-bar",
    "foo:bar/BAZ",
  ];
  const keys = new Set(together.map(uniquenessKey));
  for (const name of conflicting) expect(keys.has(uniquenessKey(name)), name).toBe(true);
});
