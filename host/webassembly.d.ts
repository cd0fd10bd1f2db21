/**
 * The WebAssembly JavaScript interface, as far as the host uses it.
 *
 * Owns nothing at run time. Neither TypeScript's language library nor Node's types declare it, only the DOM library
 * does, and the host must not see the DOM. Follows the W3C WebAssembly JavaScript Interface.
 */
declare namespace WebAssembly {
  type ImportExportKind = "function" | "global" | "memory" | "table" | "tag";
  /** Functions, memories, tables, globals and tags, and numbers for globals that do not change. */
  type Imports = Record<string, Record<string, unknown>>;
  type Exports = Record<string, unknown>;

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

  interface Global {
    value: unknown;
  }
  interface Table {
    set(index: number, value: unknown): void;
  }

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
