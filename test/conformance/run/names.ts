/**
 * The JavaScript name of a WIT name, on its own: the runner must not agree with the host by sharing its code.
 */

/** camelCase of a kebab-case name: `get-rep-R1` → `getRepR1`. */
export function jsName(name: string): string {
  return name
    .split("-")
    .map((word, index) => {
      // An acronym word is written in capitals; it counts as an ordinary word.
      const lower = /^[A-Z]/.test(word) ? word.toLowerCase() : word;
      return index === 0 ? lower : lower.charAt(0).toUpperCase() + lower.slice(1);
    })
    .join("");
}
