/**
 * The first `index.ts` of a new module: every export is there, and traps with "Not implemented". The first function that can wait is
 * written as a task, for an example of one.
 */
import { someType } from "../../../host/model/cases.ts";
import { withoutVersion } from "../../../host/model/ids.ts";
import { Namer, pascal } from "./assembly-names.ts";
import { docOf, type Docs, paramNames, paramsText, resultText, taskText } from "./declarations.ts";
import { FileScope, runtimeLines, type TypeText } from "./assembly-types.ts";
import type { GuestFile, GuestFunction, GuestResource, GuestWorld, NamedType } from "./world.ts";
import { tidy, AssemblyWriter } from "./writer.ts";

const body = 'throw new Error("Not implemented");';

/** Members of a task, which a parameter in a field of its own must not hide. */
const taskMembers = ["cancel", "cancelled", "resolve", "resume"];

/** The function that is written as a task. */
function exampleOf({ exports, files }: GuestWorld): GuestFunction | undefined {
  const inFiles = files.filter(({ direction }) => direction === "export").flatMap(({ functions }) => functions);
  return [...exports, ...inFiles].find(({ type }) => {
    return type.async && type.params.every(({ name }) => !taskMembers.includes(name));
  });
}

export function skeleton(world: GuestWorld, types: TypeText, docs: Docs): Map<string, string> {
  const example = exampleOf(world);
  const className = example === undefined ? "" : new Namer(ownNames(world)).unique(`${pascal(example.witName)}Task`);
  const scope = new AuthorScope([...ownNames(world), className]);
  const items = new AssemblyWriter();
  const func = (one: GuestFunction, head: string): void => {
    const item = one.resource === undefined ? one.witName : `${one.resource.witName}.${one.label}`;
    const result = one.name === "constructor" ? "" : `: ${resultText(one, types, scope)}`;
    const task = taskText(one, types, scope);
    if (one === example && task !== undefined) writeTask(items, one, { task, className, scope, types });
    items.blank().doc(docOf(docs, one.file, item));
    if (one === example) {
      const names = paramNames(one.type.params).join(", ");
      items.write(`${head}${one.name}(${paramsText(one, types, scope)}): ${task} {`);
      items.write(`return new ${className}(${names});`).write("}");
      return;
    }
    const early = !one.type.async && someType(one.type.result, ({ kind }) => kind === "stream" || kind === "future");
    if (early) items.write("// Not `async` in the WIT: it cannot leave a write under way when it returns.");
    items
      .write(`${head}${one.name}(${paramsText(one, types, scope)})${result} {`)
      .write(task === undefined ? body : `// To wait for something, return a ${task}.\n${body}`)
      .write("}");
  };
  for (const one of world.exports) func(one, "export function ");
  for (const file of world.files) {
    if (file.direction !== "export" || file.functions.length + file.resources.length === 0) continue;
    items.blank().write(`// ${file.id}`);
    if (file.namespace !== undefined) items.blank().write(`export namespace ${file.namespace} {`);
    for (const resource of file.resources) {
      items
        .blank()
        .doc(docOf(docs, file, resource.witName))
        .write(`export class ${resource.name} {`);
      for (const member of resource.members)
        func(member, member.kind === "static" || member.name === "create" ? "static " : "");
      items.write("}");
    }
    for (const one of file.functions) func(one, "export function ");
    if (file.namespace !== undefined) items.write("}");
  }
  const writer = new AssemblyWriter();
  const text = docs.get(world.id) ?? docs.get(withoutVersion(world.id));
  writer.doc(text ?? `A module of the world \`${world.id}\`.`);
  for (const line of scope.lines()) writer.write(line);
  return new Map([
    ["index.ts", tidy(`${writer}\n${items}`)],
    ["tsconfig.json", guestTsconfig],
  ]);
}

interface Example {
  /** Its type. */
  readonly task: string;
  readonly className: string;
  readonly scope: AuthorScope;
  readonly types: TypeText;
}

function writeTask(items: AssemblyWriter, func: GuestFunction, { task, className, scope, types }: Example): void {
  for (const name of ["Task", "Waitable"]) scope.runtime(name);
  if (func.type.result === undefined) scope.runtime("Unit");
  const fields = paramsText(func, types, scope).replaceAll(/(^|, )(\w+: )/g, "$1private $2");
  items
    .blank()
    .doc(`A call of \`${func.name}\`, which goes on while others do.`)
    .write(`class ${className} extends ${task} {`);
  items.write(`constructor(${fields}) {`).write("super();");
  items.write(
    "// Begin here what it waits for, such as a call of an import by its name with Async, and keep that in a field.",
  );
  items.write("}").blank();
  items.doc("Called when the task begins, with `null`, and each time something that it has begun has ended.");
  items.write("resume(ended: Waitable | null): void {").write("// With all that it waits for there: this.resolve(…).");
  items.write(body).write("}").write("}");
}

/** What `index.ts` exports at its top. */
function ownNames(world: GuestWorld): string[] {
  const exported = world.files.filter(({ direction }) => direction === "export");
  return [
    ...world.exports.map(({ name }) => name),
    ...exported.flatMap(({ namespace, functions, resources }) =>
      namespace === undefined ? [...functions, ...resources].map(({ name }) => name) : [namespace],
    ),
  ];
}

/** For editors: AssemblyScript's own types in place of the DOM's and Node's. */
export const guestTsconfig: string = `{
  "extends": "assemblyscript/std/assembly.json",
  "compilerOptions": { "skipLibCheck": true },
  "include": ["./**/*.ts"],
  "exclude": ["build", "**/*.d.wasm.ts"]
}
`;

/** Imports each name from the file that declares it, under an alias when the name is taken. */
class AuthorScope extends FileScope {
  private readonly fromFiles = new Map<string, Map<string, string>>();
  private readonly taken = new Map<string, object>();
  private readonly runtimeUsed = new Set<string>();

  /** @param own what the module declares itself */
  constructor(own: readonly string[]) {
    super(undefined);
    for (const name of own) this.taken.set(name, this);
  }

  override name(of: NamedType | GuestResource, own: string): string {
    if ("origin" in of && of.origin === "exported") {
      return of.file.namespace === undefined ? own : `${of.file.namespace}.${own}`;
    }
    let local = own;
    for (let n = 2; (this.taken.get(local) ?? of) !== of; n++) local = `${own}${n}`;
    this.taken.set(local, of);
    this.namesOf(of.file).set(own, local);
    return local;
  }

  private namesOf(file: GuestFile): Map<string, string> {
    const path = `./bindings/${file.path}`;
    let names = this.fromFiles.get(path);
    if (names === undefined) this.fromFiles.set(path, (names = new Map<string, string>()));
    return names;
  }

  override runtime(name: string): string {
    this.runtimeUsed.add(name);
    return name;
  }

  override lines(): string[] {
    const line = (names: readonly string[], path: string): string => `import { ${names.join(", ")} } from "${path}";`;
    const lines = [...this.fromFiles]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, names]) => {
        return line(
          [...names].sort().map(([own, local]) => (own === local ? own : `${own} as ${local}`)),
          path,
        );
      });
    return [...lines, ...runtimeLines(this.runtimeUsed, "./bindings")];
  }
}
