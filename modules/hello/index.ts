/** The smallest module. `greet` is all there is: the world `hello` in wit/hello.wit asks for nothing more. */

export function greet(name: string): string {
  return `Hello, ${name}!`;
}
