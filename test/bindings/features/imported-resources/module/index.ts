import { Failure, File, Link, Pair, eat, sizes, swap } from "./bindings/test-resources-files";
import { Result, err, ok } from "./bindings/w";

export function everything(): string[] {
  const lines: string[] = [];
  const made = new File("made");
  lines.push(made.name());
  lines.push(made.dispose_());
  const written = made.write(Uint8Array.wrap(String.UTF8.encode("abc")));
  lines.push(written.isOk ? written.value.toString() : "failed");
  const opened = File.open("opened");
  lines.push(opened.value.name());
  const missing = File.open("missing");
  lines.push(missing.isErr ? missing.error.toString() : "there");
  lines.push(File.join([made, opened.value]));
  const both = sizes(made, opened.value);
  lines.push(`${both._0} ${both._1}`);
  lines.push(`${sizes(made, null)._1}`);
  const swapped = swap(new Pair(made, opened.value));
  lines.push(swapped.left.name() + " " + swapped.right!.name());
  const alone = swap(new Pair(swapped.left, null));
  lines.push(alone.right === null ? "alone" : "not alone");
  lines.push(eat(alone.left));
  swapped.right!.dispose();
  swapped.right!.dispose(); // Once more does nothing.
  const link = Link.create("there");
  lines.push(link.value.target());
  link.value.dispose();
  lines.push(Link.create("missing").isErr ? "no link" : "link");
  return lines;
}

export function describe(file: File): string {
  return `<${file.name()}>`;
}

export function describeAll(files: File[]): string {
  return files.map<string>((file) => file.name()).join("+");
}

export function pass(file: File): File {
  return file;
}

let store: File | null = null;

export function keep(file: File): void {
  store = file;
}

export function kept(): File | null {
  const file = store;
  store = null;
  return file;
}

export function pairUp(a: File, b: File | null): Pair {
  return new Pair(a, b);
}

export function fail(name: string): Result<File, Failure> {
  return name == "bad" ? err<File, Failure>(Failure.Denied) : ok<File, Failure>(new File(name));
}

export function linkTo(name: string): Result<Link, Failure> {
  return Link.create(name);
}

export function litter(count: u32): void {
  for (let i: u32 = 0; i < count; i++) new File("litter");
}

export function collect(): void {
  __collect();
}

export function misuse(): void {
  const file = new File("gone");
  eat(file);
  file.name();
}

let remembered: File | null = null;

export function remember(file: File): void {
  remembered = file;
}

export function recall(): string {
  return remembered!.name();
}
