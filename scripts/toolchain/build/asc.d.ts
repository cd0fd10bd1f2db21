/**
 * The one entry of AssemblyScript's compiler that the build uses, without its own types: those declare AssemblyScript's
 * global names (`console`, `String`, …) for every program that sees them.
 */
export function main(
  parameters: readonly string[],
  options: object,
): Promise<{ error: Error | null; stderr: { toString(): string } }>;
