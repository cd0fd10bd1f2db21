/** Text that others chose, made safe to stand in a line of a terminal, of a message or of a file. */

/** Characters that move a cursor, end a line, turn the direction of writing or are not seen, written as escapes. */
export function printable(text: string): string {
  return text.replaceAll(hidden, escape);
}

/** As {@link printable}, but lines and tabs stay. */
export function printableLines(text: string): string {
  return text.replaceAll(hidden, (character) => (/[\n\t]/.test(character) ? character : escape(character)));
}

/** Plain data as JSON of several lines, which any reader of JSON reads as the same data. */
export function printableJson(data: unknown): string {
  // The only such characters that `JSON.stringify` puts outside strings are the line ends between members.
  const unicode = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(data, null, 2).replaceAll(hidden, (character) =>
    character === "\n" ? character : unicode(character),
  );
}

// Control characters (C0, C1), soft hyphen, invisible and direction marks, line separators, lone surrogates.
const hidden =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

function escape(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
