/** Components from C and Rust. Each is skipped, by name, where its compiler cannot make WebAssembly; in CI that is a failure. */
import { describe, expect, test } from "vitest";
import { compile, createHost } from "../../../host/node/index.ts";
import { emptyModule } from "../../../scripts/toolchain/wasm-tools.ts";
import type { TrapError } from "../../../host/errors.ts";
import { thrown, type Dynamic } from "../runtime/support.ts";
import { build, capture, clang, component, imports, rustc } from "./native.ts";

describe.skipIf(clang === undefined)("C", () => {
  const words = `
    #include <ctype.h>
    #include <stdint.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    typedef struct { char *text; size_t length; uint32_t times; } entry;
    static struct { entry *entries; size_t length; } result;
    static uint32_t live;
    __attribute__((export_name("cabi_realloc")))
    void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
      return size == 0 ? (void *)align : realloc(old, size);
    }
    static int by_word(const void *a, const void *b) { return strcmp(((entry *)a)->text, ((entry *)b)->text); }
    __attribute__((export_name("demo:words/api#count")))
    void *count(char *text, size_t length) {
      entry *entries = malloc(sizeof(entry) * (length + 1));
      size_t n = 0;
      for (size_t i = 0; i < length;) {
        while (i < length && !isalpha((unsigned char)text[i])) i++;
        size_t start = i;
        while (i < length && isalpha((unsigned char)text[i])) i++;
        if (i == start) break;
        size_t k = 0;
        while (k < n && (entries[k].length != i - start || memcmp(entries[k].text, text + start, i - start))) k++;
        if (k == n) {
          entries[n].text = strndup(text + start, i - start);
          entries[n].length = i - start;
          entries[n++].times = 0;
          live++;
        }
        entries[k].times++;
      }
      qsort(entries, n, sizeof(entry), by_word);
      free(text);
      result.entries = entries;
      result.length = n;
      return &result;
    }
    __attribute__((export_name("cabi_post_demo:words/api#count")))
    void count_post(void *r) {
      for (size_t i = 0; i < result.length; i++, live--) free(result.entries[i].text);
      free(result.entries);
    }
    __attribute__((export_name("demo:words/api#live"))) uint32_t live_words(void) { return live; }
    __attribute__((export_name("demo:words/api#say")))
    void say(char *text, size_t length) { printf("%.*s!\\n", (int)length, text); fflush(stdout); free(text); }
    __attribute__((export_name("demo:words/api#crash"))) void crash(void) { abort(); }`;
  const wit = `package demo:words;
    interface api {
      record entry { word: string, times: u32 }
      count: func(text: string) -> list<entry>;
      live: func() -> u32;
      say: func(text: string);
      crash: func();
    }
    world words { export api; }`;

  test("a library: records and lists out, post-return, printf through WASI, abort", async () => {
    const core = build([...clang!, "-mexec-model=reactor"], "c", words);
    const compiled = await compile<Dynamic>(await component(core, "reactor", { witSource: wit }));
    const stdout = capture();
    const instance = compiled.instantiateSync(imports(stdout.stream));
    const { api } = instance.exports;
    expect(api.count("the cat, the dog and the bird")).toEqual([
      { word: "and", times: 1 },
      { word: "bird", times: 1 },
      { word: "cat", times: 1 },
      { word: "dog", times: 1 },
      { word: "the", times: 3 },
    ]);
    expect(api.live()).toBe(0);
    const many = Array.from(
      { length: 500 },
      (_, i) => `w${"abcdefghij"[i % 10]}${"klmnopqrst"[Math.floor(i / 10) % 10]}`,
    ).join(" ");
    for (let i = 0; i < 200; i++) expect(api.count(many)).toHaveLength(100);
    expect(instance.memoryBytes).toBeLessThan(4_000_000);
    api.say("Hello from C");
    expect(stdout.text()).toBe("Hello from C!\n");
    expect(thrown(() => api.crash())).toMatchObject({ name: "TrapError", trap: "unreachable" });
  });

  test("a program: wasi:cli/run with arguments, environment and standard output", async () => {
    const core = build(
      clang!,
      "c",
      `#include <stdio.h>
       #include <stdlib.h>
       int main(int argc, char **argv) {
         for (int i = 0; i < argc; i++) printf("%d: %s\\n", i, argv[i]);
         printf("mode %s\\n", getenv("MODE"));
         return argc == 3 ? 0 : 1;
       }`,
    );
    const bytes = await component(core, "command");
    const host = createHost();
    const stdout = capture();
    const options = { args: ["main", "one", "two"], env: { MODE: "test" } };
    const module = await host.load<Dynamic>(bytes, { name: "program", imports: imports(stdout.stream, options) });
    expect(module.exports.run.run()).toBeUndefined();
    expect(stdout.text()).toBe("0: main\n1: one\n2: two\nmode test\n");
    expect(module.state).toBe("live");

    // A status that is not zero leaves `main` through `exit`, which does not return.
    const statuses: unknown[] = [];
    class Exit extends Error {}
    const exit = (status: { readonly tag: string }): never => {
      statuses.push(status.tag);
      throw new Exit();
    };
    const short = { ...imports(capture().stream, { args: ["main"] }), "wasi:cli/exit": { exit } };
    const failing = await host.load<Dynamic>(bytes, { name: "failing", imports: short });
    const error = thrown(() => failing.exports.run.run());
    expect(error).toMatchObject({ name: "TrapError", trap: "import-threw", module: "failing" });
    expect((error as TrapError).cause).toBeInstanceOf(Exit);
    expect(statuses).toEqual(["err"]);
    await host.close();
  });
});

describe.skipIf(rustc === undefined)("Rust", () => {
  test("a library: strings in and out, and a panic", async () => {
    const core = build(
      rustc!,
      "rs",
      // Calling the constructors once, here, keeps the linker from wrapping every export in them: they call WASI, which
      // realloc and post-return may not.
      `extern "C" { fn __wasm_call_ctors(); }
       #[export_name = "_initialize"]
       pub unsafe extern "C" fn initialize() { __wasm_call_ctors() }
       #[export_name = "demo:rust/api#shout"]
       pub unsafe extern "C" fn shout(at: *mut u8, length: usize) -> *const [usize; 2] {
           let text = String::from_utf8_unchecked(Vec::from_raw_parts(at, length, length)).to_uppercase();
           let text = Box::leak(text.into_boxed_str());
           Box::into_raw(Box::new([text.as_ptr() as usize, text.len()]))
       }
       #[export_name = "cabi_post_demo:rust/api#shout"]
       pub unsafe extern "C" fn shouted(result: *mut [usize; 2]) {
           let [at, length] = *Box::from_raw(result);
           drop(Vec::from_raw_parts(at as *mut u8, length, length));
       }
       #[export_name = "cabi_realloc"]
       pub unsafe extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
           use std::alloc::{alloc, realloc, Layout};
           if size == 0 { return align as *mut u8; }
           if old_size == 0 { return alloc(Layout::from_size_align_unchecked(size, align)); }
           realloc(old, Layout::from_size_align_unchecked(old_size, align), size)
       }
       #[export_name = "demo:rust/api#divide"]
       pub extern "C" fn divide(a: i32, b: i32) -> i32 { a.checked_div(b).expect("a divisor other than zero") }`,
    );
    const wit = `package demo:rust;
      interface api { shout: func(text: string) -> string; divide: func(a: s32, b: s32) -> s32; }
      world rust { export api; }`;
    const compiled = await compile<Dynamic>(await component(core, "reactor", { witSource: wit }));
    const instance = compiled.instantiateSync(imports(capture().stream));
    const { api } = instance.exports;
    expect(api.shout("stra\u00dfe \u2713 \u00e9t\u00e9")).toBe("STRASSE \u2713 \u00c9T\u00c9");
    for (let i = 0; i < 2000; i++) api.shout("x".repeat(1000));
    expect(instance.memoryBytes).toBeLessThan(4_000_000);
    expect(api.divide(-9, 2)).toBe(-4);
    expect(thrown(() => api.divide(1, 0))).toMatchObject({ name: "TrapError", trap: "unreachable" });
    expect(instance.state).toBe("trapped");
  });
});

test.runIf(process.env["CI"] === "true")("in CI both compilers are there, so that nothing above was skipped", () => {
  expect(clang).toBeDefined();
  expect(rustc).toBeDefined();
});

test("jco's adapters are there, which the tests above need", async () => {
  // A world without anything still has to become a component.
  expect((await component(emptyModule, "reactor", { witSource: "package a:b; world w {}" })).length).toBeGreaterThan(8);
});
