/**
 * The implementation limits of the decoder: how much of a thing a component may have. They bound the work and the memory
 * that hostile bytes can ask for; the values are wasmtime's, so what runs there is not refused here.
 */
export const limits = {
  /** Components in components, and component or instance types in types. */
  nesting: 100,
  types: 1_000_000,
  functions: 1_000_000,
  imports: 1_000_000,
  exports: 1_000_000,
  globals: 1_000_000,
  tags: 1_000_000,
  tables: 100_000,
  memories: 100_000,
  components: 1_000,
  modules: 1_000,
  instances: 1_000,
  aliases: 1_000_000,
  canons: 1_000_000,
  declarators: 100_000,
  instantiateArguments: 100_000,
  inlineExports: 100_000,
  fields: 10_000,
  cases: 10_000,
  labels: 10_000,
  tupleTypes: 10_000,
  parameters: 1_000,
  canonOptions: 100,
  attributes: 100,
} as const;
