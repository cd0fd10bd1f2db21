/**
 * One program in several languages: it reads its arguments, its input and a file, sorts, writes a file and its output, and ends with a
 * code. Compilers are those that Debian packages; each language is skipped, by name, where there is none, and in CI that is a failure.
 */
import { describe, expect, test } from "vitest";
import { createHost } from "../../../host/node/index.ts";
import { memory, readOnly, runCommand, wasi } from "../../../host/node/wasi.ts";
import type { Dynamic } from "../runtime/support.ts";
import { Workshop } from "../../bindings/harness.ts";
import { componentize } from "../real/componentize.ts";
import { clang, clangxx, command, cppCommand, rustc, rustCommand } from "./support.ts";

interface Language {
  readonly compiler: string | undefined;
  readonly build: (source: string) => Promise<Uint8Array<ArrayBuffer>>;
  readonly source: string;
}

const languages: Readonly<Record<string, Language>> = {
  C: {
    compiler: clang,
    build: command,
    source: `
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
      int main(int argc, char **argv) {
        static char lines[100][100], *sorted[100];
        int count = 0;
        printf("Hello, %s\\n", argv[1]);
        while (count < 100 && fgets(lines[count], 100, stdin)) count++;
        FILE *in = fopen("/in/words.txt", "r");
        if (!in) return 1;
        while (count < 100 && fgets(lines[count], 100, in)) count++;
        for (int i = 0; i < count; i++) sorted[i] = lines[i];
        qsort(sorted, count, sizeof *sorted, compare);
        FILE *out = fopen("/out/sorted.txt", "w");
        for (int i = 0; i < count; i++) fputs(sorted[i], out);
        return fclose(out) != 0;
      }`,
  },
  "C++": {
    compiler: clangxx,
    build: cppCommand,
    source: `
      #include <algorithm>
      #include <fstream>
      #include <iostream>
      #include <string>
      #include <vector>
      int main(int, char **argv) {
        std::vector<std::string> lines;
        std::cout << "Hello, " << argv[1] << std::endl;
        for (std::string line; std::getline(std::cin, line);) lines.push_back(line);
        std::ifstream in("/in/words.txt");
        if (!in) return 1;
        for (std::string line; std::getline(in, line);) lines.push_back(line);
        std::sort(lines.begin(), lines.end());
        std::ofstream out("/out/sorted.txt");
        for (const auto &line : lines) out << line << "\\n";
        return out ? 0 : 1;
      }`,
  },
  Rust: {
    compiler: rustc,
    build: rustCommand,
    source: `
      use std::{env, fs, io::{self, Read}};
      fn main() -> io::Result<()> {
        println!("Hello, {}", env::args().nth(1).unwrap());
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        text += &fs::read_to_string("/in/words.txt")?;
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort();
        fs::write("/out/sorted.txt", lines.join("\\n") + "\\n")
      }`,
  },
};

describe.each(Object.entries(languages))("a program of %s", (name, { compiler, build, source }) => {
  test.skipIf(compiler === undefined)(
    "reads, sorts, writes and ends with a code, as those of other languages",
    async () => {
      const bytes = await build(source);
      await using host = createHost();
      const given = readOnly(memory({ files: { "words.txt": "pear\nfig\n" } }));
      const written = memory();
      const out: Uint8Array[] = [];
      const imports = wasi({
        ...{ args: ["program", "Ada"], stdin: "plum\napple\n", stdout: out },
        preopens: { "/in": given, "/out": written },
      });
      const began = performance.now();
      const module = await host.load(bytes, { name: "program", imports });
      expect(await runCommand(module)).toBe(0);
      console.log(`${name}: ${bytes.length} bytes, loaded and run in ${(performance.now() - began).toFixed(0)} ms`);
      expect(Buffer.concat(out).toString()).toBe("Hello, Ada\n");
      expect(Buffer.from(written.files()["sorted.txt"]!).toString()).toBe("apple\nfig\npear\nplum\n");

      const without = await host.load(bytes, {
        name: "without",
        imports: wasi({ args: ["program", "Ada"], stderr: [], stdout: [] }),
      });
      expect(await runCommand(without)).toBe(1);
    },
  );

  test.runIf(process.env["CI"] === "true")("in CI its compiler is there", () => {
    expect(compiler).toBeDefined();
  });
});

test(
  "a module of JavaScript has its console, clock, random numbers and classes, and calls what it imports",
  { timeout: 240_000 },
  async () => {
    // As in `real/javascript.test.ts`, so that it is made once.
    const { wit, source } = await import("../real/shapes.ts");
    const bytes = await componentize({ wit, source });
    await using host = createHost();
    const logged: string[] = [];
    const imports = [{ log: (text: string) => void logged.push(text), measure: (text: string) => text.length }, wasi()];
    const began = performance.now();
    const module = await host.load<Dynamic>(bytes, { name: "shapes", imports });
    const { api } = module.exports;
    expect(api.greet("Ada")).toBe("Hello, Ada of 3 letters!");
    console.log(`JavaScript: ${bytes.length} bytes, loaded and called in ${(performance.now() - began).toFixed(0)} ms`);
    expect(logged).toEqual(["greeting Ada"]);
    expect(Math.abs(api.now() - Date.now())).toBeLessThan(60_000);
    expect(api.random(8)).toHaveLength(8);
    const counter = new api.Counter(1);
    expect(counter.increment(2)).toBe(3);
  },
);

test(
  "a module of JavaScript calls one of AssemblyScript, each under its own rights",
  { timeout: 240_000 },
  async () => {
    const { wit, source } = await import("../real/shapes.ts");
    const bytes = await componentize({ wit, source });
    const workshop = await Workshop.open();
    try {
      const dir = await workshop.folder({
        "world.wit": `package demo:ruler; world ruler { export measure: func(text: string) -> result<u32, string>; }`,
        "index.ts": `import { Result, err, ok } from "./bindings/ruler";
          export function measure(text: string): Result<u32, string> {
            if (text.length == 0) return err<u32, string>("Nothing to measure");
            return ok<u32, string>(text.length);
          }`,
      });
      const { component } = await workshop.build(dir);
      await using host = createHost();
      const ruler = await host.load<Dynamic>(component, { name: "ruler", grants: {} });
      const logged: string[] = [];
      const imports = [{ log: (text: string) => void logged.push(text) }, wasi()];
      const shapes = await host.load<Dynamic>(bytes, { name: "shapes", imports, link: { measure: "ruler" } });
      expect(shapes.exports.api.greet("Ada")).toBe("Hello, Ada of 3 letters!");
      expect(logged).toEqual(["greeting Ada"]);
      expect(host.manifest().find(({ name }) => name === "ruler")).toMatchObject({ calls: 1, usedBy: ["shapes"] });

      // The one of AssemblyScript is swapped under the one of JavaScript.
      await ruler.reload(component);
      expect(shapes.exports.api.greet("Grace")).toBe("Hello, Grace of 5 letters!");
    } finally {
      await workshop.close();
    }
  },
);
