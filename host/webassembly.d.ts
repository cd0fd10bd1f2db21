/**
 * The WebAssembly JavaScript interface, as far as the host uses it.
 *
 * Owns nothing at run time. Neither TypeScript's language library nor Node's types declare it, only the DOM library
 * does, and the host must not see the DOM. Follows the W3C WebAssembly JavaScript Interface.
 */
declare namespace WebAssembly {
  type ImportExportKind = "function" | "global" | "memory" | "table" | "tag";
  type ValueType = "i32" | "i64" | "f32" | "f64" | "v128" | "externref" | "anyfunc";
  type ImportValue = Function | Global | Memory | Table | Tag | number | bigint;
  type Imports = Record<string, Record<string, ImportValue>>;
  type ExportValue = Function | Global | Memory | Table | Tag;
  type Exports = Record<string, ExportValue>;

  interface Module {
    readonly [Symbol.toStringTag]?: string;
  }
  interface ModuleExportDescriptor {
    name: string;
    kind: ImportExportKind;
  }
  interface ModuleImportDescriptor {
    module: string;
    name: string;
    kind: ImportExportKind;
  }
  const Module: {
    prototype: Module;
    new (bytes: BufferSource): Module;
    customSections(module: Module, name: string): ArrayBuffer[];
    exports(module: Module): ModuleExportDescriptor[];
    imports(module: Module): ModuleImportDescriptor[];
  };

  interface Instance {
    readonly exports: Exports;
  }
  const Instance: { prototype: Instance; new (module: Module, imports?: Imports): Instance };

  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  interface MemoryDescriptor {
    initial: number;
    maximum?: number;
    shared?: boolean;
  }
  const Memory: { prototype: Memory; new (descriptor: MemoryDescriptor): Memory };

  interface Table {
    readonly length: number;
    get(index: number): any;
    set(index: number, value?: any): void;
    grow(delta: number, value?: any): number;
  }
  interface TableDescriptor {
    element: "anyfunc" | "externref";
    initial: number;
    maximum?: number;
  }
  const Table: { prototype: Table; new (descriptor: TableDescriptor, value?: any): Table };

  interface Global {
    value: any;
    valueOf(): any;
  }
  interface GlobalDescriptor {
    value: ValueType;
    mutable?: boolean;
  }
  const Global: { prototype: Global; new (descriptor: GlobalDescriptor, value?: any): Global };

  interface Tag {
    readonly [Symbol.toStringTag]?: string;
  }
  const Tag: { prototype: Tag; new (descriptor: { parameters: ValueType[] }): Tag };

  interface Exception {
    readonly stack?: string | undefined;
    is(tag: Tag): boolean;
    getArg(tag: Tag, index: number): any;
  }
  const Exception: { prototype: Exception; new (tag: Tag, payload: any[]): Exception };

  interface CompileError extends Error {}
  const CompileError: { prototype: CompileError; new (message?: string): CompileError };
  interface LinkError extends Error {}
  const LinkError: { prototype: LinkError; new (message?: string): LinkError };
  interface RuntimeError extends Error {}
  const RuntimeError: { prototype: RuntimeError; new (message?: string): RuntimeError };

  function validate(bytes: BufferSource): boolean;
  /** Absent in engines that cannot. */
  let compileStreaming: ((source: Response) => Promise<Module>) | undefined;
  function compile(bytes: BufferSource): Promise<Module>;
  function instantiate(module: Module, imports?: Imports): Promise<Instance>;
}

type BufferSource = ArrayBufferView<ArrayBuffer> | ArrayBuffer;
