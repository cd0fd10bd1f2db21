/**
 * Programs that use files, of C and Rust, and how they are run: they write, sort and read a large file and walk directories in `/data`,
 * and read `/input`, which is not theirs to change.
 */
import { expect } from "vitest";
import { createHost } from "../../../../host/node/index.ts";
import { runCommand, wasi, type FileSystem } from "../../../../host/node/wasi.ts";

const COUNT = 50_000;

/** Of C. Writes numbers, sorts them into another file by external merge, and says what it finds in the directories. */
export const SORT_C = `
  #include <dirent.h>
  #include <errno.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <string.h>
  #include <sys/stat.h>
  #include <unistd.h>
  #define COUNT ${COUNT}
  #define RUNS 10
  static int by_number(const void *a, const void *b) {
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return x < y ? -1 : x > y;
  }
  static void fail(const char *what) { perror(what); exit(2); }
  static void walk(const char *path, int depth) {
    DIR *dir = opendir(path);
    if (!dir) fail(path);
    struct dirent *entry, *kept[64];
    int n = 0;
    while ((entry = readdir(dir)) && n < 64) {
      if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
      kept[n] = malloc(sizeof *entry + strlen(entry->d_name) + 1);
      memcpy(kept[n], entry, sizeof *entry);
      strcpy(kept[n]->d_name, entry->d_name);
      n++;
    }
    closedir(dir);
    for (int i = 0; i < n; i++)
      for (int j = i + 1; j < n; j++)
        if (strcmp(kept[j]->d_name, kept[i]->d_name) < 0) { struct dirent *t = kept[i]; kept[i] = kept[j]; kept[j] = t; }
    for (int i = 0; i < n; i++) {
      char full[512];
      struct stat st;
      snprintf(full, sizeof full, "%s/%s", path, kept[i]->d_name);
      if (lstat(full, &st)) fail(full);
      int is_dir = S_ISDIR(st.st_mode), is_link = S_ISLNK(st.st_mode);
      printf("%*s%s%s", depth * 2, "", kept[i]->d_name, is_dir ? "/" : is_link ? "@" : "");
      if (!is_dir && !is_link) printf(" %lld %d", (long long)st.st_size, (int)st.st_nlink);
      printf("\\n");
      if (is_dir) walk(full, depth + 1);
    }
  }
  int main(int argc, char **argv) {
    FILE *out = fopen("/data/numbers", "wb");
    if (!out) fail("numbers");
    unsigned x = 12345;
    for (int i = 0; i < COUNT; i++) {
      x = x * 1664525u + 1013904223u;
      fwrite(&x, 4, 1, out);
    }
    fclose(out);
    if (mkdir("/data/runs", 0777)) fail("mkdir");
    FILE *in = fopen("/data/numbers", "rb");
    static unsigned part[COUNT / RUNS];
    for (int r = 0; r < RUNS; r++) {
      if (fread(part, 4, COUNT / RUNS, in) != COUNT / RUNS) fail("read");
      qsort(part, COUNT / RUNS, 4, by_number);
      char name[32];
      sprintf(name, "/data/runs/%d", r);
      FILE *run = fopen(name, "wb");
      fwrite(part, 4, COUNT / RUNS, run);
      fclose(run);
    }
    fclose(in);
    FILE *runs[RUNS];
    unsigned head[RUNS];
    int live[RUNS];
    for (int r = 0; r < RUNS; r++) {
      char name[32];
      sprintf(name, "/data/runs/%d", r);
      runs[r] = fopen(name, "rb");
      live[r] = fread(&head[r], 4, 1, runs[r]) == 1;
    }
    out = fopen("/data/sorting", "wb");
    for (;;) {
      int best = -1;
      for (int r = 0; r < RUNS; r++) if (live[r] && (best < 0 || head[r] < head[best])) best = r;
      if (best < 0) break;
      fwrite(&head[best], 4, 1, out);
      live[best] = fread(&head[best], 4, 1, runs[best]) == 1;
    }
    fclose(out);
    for (int r = 0; r < RUNS; r++) {
      fclose(runs[r]);
      char name[32];
      sprintf(name, "/data/runs/%d", r);
      if (r > 1 && unlink(name)) fail("unlink");
    }
    if (rename("/data/sorting", "/data/sorted")) fail("rename");
    if (link("/data/runs/0", "/data/hard")) fail("link");
    if (symlink("runs/1", "/data/soft")) fail("symlink");
    if (rmdir("/data/runs") == 0 || errno != ENOTEMPTY) fail("rmdir");
    if (truncate("/data/runs/1", 10)) fail("truncate");
    in = fopen("/data/sorted", "rb");
    unsigned last = 0, now, count = 0;
    while (fread(&now, 4, 1, in) == 1) { if (now < last) return 3; last = now; count++; }
    fclose(in);
    printf("%u sorted\\n", count);
    walk("/data", 0);
    if (fopen("/data/../etc/passwd", "r")) return 4;
    printf("%s\\n", strerror(errno));
    if (fopen("/input/new", "w")) return 5;
    printf("%s\\n", strerror(errno));
    in = fopen("/input/text", "r");
    char line[64];
    while (fgets(line, sizeof line, in)) fputs(line, stdout);
    fclose(in);
    FILE *log = fopen("/data/log", "a");
    fputs("one\\n", log);
    fclose(log);
    log = fopen("/data/log", "a");
    fputs("two\\n", log);
    fclose(log);
    return 0;
  }`;

/** Of Rust. The same in the manner of that language. */
export const SORT_RUST = `
  use std::fs;
  use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
  fn walk(path: &std::path::Path, depth: usize) -> std::io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(|e| e.file_name());
    for e in entries {
      let meta = fs::symlink_metadata(e.path())?;
      println!("{}{} {}", "  ".repeat(depth), e.file_name().to_string_lossy(), if meta.is_dir() { "dir".into() } else { meta.len().to_string() });
      if meta.is_dir() { walk(&e.path(), depth + 1)?; }
    }
    Ok(())
  }
  fn main() -> std::io::Result<()> {
    fs::create_dir_all("/data/a/b/c")?;
    {
      let mut out = BufWriter::new(fs::File::create("/data/a/lines")?);
      let mut x: u32 = 7;
      for _ in 0..${COUNT} { x = x.wrapping_mul(1664525).wrapping_add(1013904223); writeln!(out, "{:010}", x)?; }
    }
    let mut lines: Vec<String> = BufReader::new(fs::File::open("/data/a/lines")?).lines().collect::<Result<_, _>>()?;
    lines.sort();
    fs::write("/data/a/sorted", lines.join("\\n"))?;
    let read = fs::read_to_string("/data/a/sorted")?;
    assert!(read.lines().zip(read.lines().skip(1)).all(|(a, b)| a <= b));
    let mut file = fs::OpenOptions::new().read(true).write(true).open("/data/a/sorted")?;
    file.seek(SeekFrom::End(-10))?;
    let mut last = String::new();
    file.read_to_string(&mut last)?;
    assert_eq!(last, lines[lines.len() - 1]);
    file.set_len(11)?;
    file.seek(SeekFrom::Start(20))?;
    file.write_all(b"end")?;
    fs::rename("/data/a/b", "/data/moved")?;
    fs::copy("/data/a/sorted", "/data/moved/c/copy")?;
    println!("{:?}", fs::read("/data/moved/c/copy")?.iter().filter(|b| **b == 0).count());
    println!("{:?}", fs::File::open("/data/missing").unwrap_err().kind());
    println!("{:?}", fs::create_dir("/data/a").unwrap_err().kind());
    println!("{}", fs::read_to_string("/input/text")?.trim());
    walk(std::path::Path::new("/data"), 0)?;
    fs::remove_dir_all("/data/a")?;
    assert!(fs::metadata("/data/a").is_err());
    Ok(())
  }`;

/** What the program of C says of it. */
export const SAID_BY_C: string = [
  `${COUNT} sorted`,
  `hard ${COUNT * 0.4} 2`,
  `numbers ${COUNT * 4} 1`,
  "runs/",
  `  0 ${COUNT * 0.4} 2`,
  "  1 10 1",
  "soft@",
  `sorted ${COUNT * 4} 1`,
  "Operation not permitted",
  "Read-only file system",
  "from the host",
  "",
].join("\n");
export const MADE_BY_C: readonly string[] = ["0", "1", "hard", "log", "numbers", "sorted"];

/** What the program of Rust says of it. */
export const SAID_BY_RUST: string = [
  "9",
  "NotFound",
  "AlreadyExists",
  "from the host",
  "a dir",
  `  lines ${COUNT * 11}`,
  "  sorted 23",
  "moved dir",
  "  c dir",
  "    copy 23",
  "",
].join("\n");
export const MADE_BY_RUST: readonly string[] = ["copy"];

/** Runs one of them. @returns what it says */
export async function run(
  component: Uint8Array<ArrayBuffer>,
  preopens: { readonly "/data": FileSystem; readonly "/input": FileSystem },
  options: object = {},
): Promise<string> {
  const out: Uint8Array[] = [];
  const host = createHost();
  const module = await host.load(component, { imports: wasi({ stdout: out, stderr: out, preopens }), ...options });
  const code = await runCommand(module).catch(String);
  await module.unload();
  const text = out.map((bytes) => new TextDecoder().decode(bytes)).join("");
  expect(code, text).toBe(0);
  return text;
}

/** Each program is compiled once. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** Compiling takes its time on a machine that has other things to do. */
export const SLOW = { timeout: 180_000 } as const;
