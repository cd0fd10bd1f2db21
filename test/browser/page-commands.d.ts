import "vitest/browser";

declare module "vitest/browser" {
  interface BrowserCommands {
    wasmTools(tool: string, parameters: readonly unknown[]): Promise<string>;
    /** Bytes; a full collection goes before. */
    rendererResident(): Promise<number>;
  }
}
