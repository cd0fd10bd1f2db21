import "vitest/browser";

declare module "vitest/browser" {
  interface BrowserCommands {
    wasmTools(tool: string, parameters: readonly unknown[]): Promise<string>;
    /** Files by name; bytes travel as base64, in both directions. */
    transpile(component: string, options: object): Promise<Record<string, string>>;
    /** The component as base64. */
    javaScriptComponent(module: { wit: string; source: string; plain?: boolean }): Promise<string>;
    /** The component as base64. */
    buildFaults(): Promise<{ bytes: string; file: string; text: string }>;
    nativeCompilers(): Promise<{ clang: string | undefined; rustc: string | undefined }>;
    /** The component as base64. */
    nativeCommand(language: "C" | "Rust", source: string): Promise<string>;
    /** Bytes; a full collection goes before. */
    rendererResident(): Promise<number>;
  }
}
