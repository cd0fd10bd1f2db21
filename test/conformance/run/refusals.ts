/**
 * The meaning of a refusal in a script: the message it expects -> what the host's own error must say.
 *
 * The scripts quote wasm-tools' messages. What a component is refused for must be what the script means, or a fault in
 * one rule would hide behind another; a message that is not in this table fails its directive, as with traps. In what
 * the host must say, `<1>` stands for the first thing in parentheses of the expected message.
 */
const meanings: readonly (readonly [expected: RegExp, said: string])[] = [
  // Binary format.
  [/^expected a version header for a component$/, "This is a core module, not a component"],
  [/^expected a version header for a module$/, "Expected the version .* of a core module"],
  [/^unknown binary version$/, "Expected the (version|layer) .* of a component"],
  [/^(integer too large|integer representation too long)$/, "is larger than \\d+ bits"],
  [/^invalid boolean value$/, "is not 0x0 or 0x1"],
  [/^invalid leading byte \((0x[0-9a-f]+)\)/, "(got <1>|<1> is not) |cannot refer to a |cannot declare an "],
  [/^invalid leading byte$/, "A core module type cannot contain another|0x[0-9a-f]+ is not "],
  [/^malformed UTF-8 encoding$/, "are not UTF-8"],
  [/^malformed section id$/, "is not the id of a component section"],
  [/^section out of order$/, "comes twice or out of order"],
  [/^unexpected end(-of-file)?$/, "Unexpected end"],
  // The scripts say nothing of what is wrong with a preamble.
  [/^$/, "Unexpected end while reading the (preamble|version)|starts with the bytes|Expected the (version|layer) "],
  // Text format: what wasm-tools itself refuses.
  [/^invalid string escape$/, "InvalidStringEscape"],
  [/^(unexpected token|expected valid component field)$/, "<1>"],
  [/^(expected `\)`)$/, "<1>"],
  [/^(outer item `.*` is not a module, type, or component)$/, "<1>"],
  // Names.
  [/^`` is not in kebab case$/, 'has no `/` after its package|"" is not a '],
  [/^`(.*)` is not in kebab case$/, '"<1>" is not a (kebab-case|lower-case) '],
  [/^(is )?not in kebab case$/, "is not a (kebab-case|lower-case) "],
  [/^is not a valid extern name$/, "is not a valid extern name"],
  [/^(?:empty (?:identifier segment|string)|unexpected (?:character '.*'|end of input))$/, "is not a semantic version"],
  [/^expected `\/` after package name$/, "is not a lower-case package name"],
  [/^trailing characters found: `(.*)`$/, '<1>" is not a kebab-case name'],
  [/^failed to find `\.` character$/, "has no `\\.` between the resource and the name"],
  [
    /^(?:enum tag|variant case|flag|record field|function parameter) name `(.*)` is not in kebab case$/,
    '"<1>" is not in',
  ],
  [/^(\w+) .*name `(.*)` conflicts with previous .*name `(.*)`$/, '"<2>" conflicts with the previous name "<3>"'],
  [
    /^(enum|flag|variant|record|function) .*name cannot be empty$/,
    "The name of an? .*(<1>|parameter).* cannot be empty",
  ],
  [/^conflicts with previous name$/, "conflicts with the previous name"],
  [/^instantiation argument `(.*)` conflicts with previous argument/, "argument `<1>` conflicts with a previous one"],
  [/^duplicate import name `(.*)`$/, "duplicate import name `<1>`"],
  [/^duplicate module instantiation argument named `(.*)`$/, "duplicate module instantiation argument named `<1>`"],
  [/^(?:export )?name `(.*)` already defined$/, "core export name `<1>` is already defined"],
  [/^duplicate 'implements' option in name$/, "The attribute implements comes twice"],
  [/^(must be an interface|not a valid name)$/, "must be an interface name"],
  [/^name `(.*)` is not valid with `implements`$/, 'The name "<1>" is not valid with `implements`'],
  [/^only instances/, "Only instances can have an `implements`"],
  // Functions with annotated names.
  [/^is not a func$/, "is not a function"],
  [/^(function )?does not match expected resource name/, "does not use the resource"],
  [/^function should return `\(own|^should return /, "should return one value, `\\(own \\$T\\)`"],
  [/^resource used in function does not have a name/, "does not use the resource .* no such name in this context"],
  [/^static resource name is not known in this context$/, "The resource name .* is not known in this context"],
  [/^should have a first argument called `self`$/, "should be called `self`"],
  [/^should have at least one argument$/, "should have at least one parameter"],
  [/^should take a first argument of `\(borrow \$T\)`$/, "should be of the type `\\(borrow \\$T\\)`"],
  // Indices and sorts.
  [/^(?:(?:type|function|instance|memory|module) )?index out of bounds$/, "index \\d+ is out of bounds"],
  [/^unknown (type|module|component|instance)$/, "The (core )?<1> index \\d+ is out of bounds"],
  [/^unknown tag 0: tag index out of bounds$/, "The core tag index 0 is out of bounds"],
  [/^invalid outer alias count of (\d+)$/, "An outer alias count of <1> is invalid"],
  [/^invalid outer alias count$/, "An outer alias count of \\d+ is invalid"],
  [/^core instance (\d+) has no export named `(.*)`$/, 'Core instance <1> has no export named "<2>"'],
  [/^instance (\d+) has no export named `(.*)`$/, 'Instance <1> has no export named "<2>"'],
  [/^no export named `(.*)`$/, 'has no export named "<1>"'],
  [/^export `(.*)` for core instance (\d+) is not a (.*)$/, 'The export "<1>" of core instance <2> is not a <3>'],
  [/^is not a module$/, "is a (func|component), not a core-module"],
  [/^core type index (\d+) is not a module type$/, "Core type <1> is not a module type"],
  [/^type index (\d+) is not an? (.*)$/, "Type <1> is .*, not an? <2>"],
  [/^not a (function type|resource type)$/, "is(?:.*,)? not a <1>"],
  [/^not a local resource$/, "is not a local resource"],
  [/^may only refer to types or instances$/, "alias in a type may only refer to types or"],
  [/^transitively refers to resources$/, "transitively refers to resources cannot cross a component boundary"],
  [/^resources can only be defined within a concrete component$/, "Resources can only be defined within a concrete"],
  [/^wrong signature for a destructor$/, "wrong signature for a destructor"],
  // Types.
  [/^cannot have more than 32 flags$/, "cannot have more than 32 flags"],
  [/^(enum|flags|variant|record|tuple)\b.* must have at least one/, "<1> type must have at least one"],
  [/^exceeds maximum byte size$/, "it exceeds the maximum size"],
  [/^memory size must be at most$/, "size must be at most \\d+ pages"],
  [/^(?:`stream<char>` is not valid|is not valid at this time)$/, "`stream<char>` is not valid"],
  [/^function result cannot contain a `borrow` type$/, "A function result cannot contain a `borrow` type"],
  [/^(type|func|instance) not valid to be used as (import|export)$/, "The <1> .* is not valid to be used as <2>"],
  // Canonical options.
  [/^canonical option `(.*)` is required$/, "The canonical option `<1>` is required"],
  [
    /^canonical option `(.*)` cannot be specified for lowerings$/,
    "The canonical option `<1>` cannot be specified here",
  ],
  [/^(?:canonical option )?`(.*)` is specified more than once$/, "The canonical option <1> is given twice"],
  [/^canonical option `(.*)` requires `(.*)` to also be/, "option `<1>` requires `<2>` to be specified also"],
  [
    /^canonical option `(.*)` uses a core function with an incorrect/,
    "option `<1>` uses a core function with an incorrect",
  ],
  [
    /^canonical encoding option `(.*)` conflicts with option/,
    "The string encoding .* conflicts with <1>, given before",
  ],
  [/^the `async` canonical option requires an async function type$/, "The `async` canonical option requires an async"],
  [/^lowered (parameter|result) types/, "The <1> types .* of the lifted function should be "],
  // Instantiation: imports, subtyping.
  [/^missing import named `(.*)`$/, "The import named `<1>` is missing"],
  [/^missing module instantiation argument$/, "The module instantiation argument .* is missing"],
  [/^missing expected export `(.*)`$/, "`<1>` is missing: expected "],
  [/^missing expected import `(.*)::(.*)`$/, "core import `<1>` `<2>`: found but not wanted"],
  [/^does not export an item named `(.*)`$/, "does not export an item named `<1>`"],
  [/^ascribed type of export is not compatible$/, "The ascribed type of the export .* is not compatible"],
  [
    /^resource types are not the same$/,
    "expected the resource .*, found |the resource found, .*, is not the one expected",
  ],
  [/^expected (\d+) (parameter|case|field)s, found (\d+)$/, "expected <1> <2>s?, found <3>"],
  [/^expected (\d+) types, found (\d+)$/, "expected tuple<.*>, found tuple<"],
  [/^expected parameter named `(.*)`, found `(.*)`$/, "parameter \\d+ `<1>`: the parameter found has the name `<2>`"],
  [/^expected case named `(.*)`, found `(.*)`$/, "case \\d+: expected `<1>`, found `<2>`"],
  [/^expected field name `(.*)`, found `(.*)`$/, "field \\d+: expected `<1>`, found `<2>`"],
  [/^mismatch in (enum|flags) elements$/, "expected <1> .*, found <1> "],
  [/^expected case `(.*)` to have a type, found none$/, "case `<1>`: expected \\S+, found nothing"],
  [/^expected case `(.*)` to have no type$/, "case `<1>`: expected nothing, found "],
  [/^expected (?:a result, found none)$/, "result: expected .*nothing|result: expected nothing"],
  [/^expected ok type, but found none$/, " ok: expected \\S+, found nothing"],
  [/^expected err type, but found none$/, " err: expected \\S+, found nothing"],
  [/^expected ok type to not be present$/, " ok: expected nothing, found "],
  [/^expected err type to not be present$/, " err: expected nothing, found "],
  [/^type mismatch in ok variant$/, " ok: expected \\S+, found "],
  [/^type mismatch in err variant$/, " err: expected \\S+, found "],
  [/^type mismatch with result type$/, "result: expected \\S+, found "],
  [/^type mismatch in function parameter `(.*)`$/, "parameter \\d+ `<1>`: expected .+, found "],
  [/^type mismatch in (?:record|variant) (field|case) `(.*)`$/, "<1> `<2>`: expected .+, found "],
  [/^type mismatch in tuple field \d+$/, "element \\d+: expected .+, found "],
  [/^type mismatch in (?:instance )?export `(.*)`$/, "`<1>`: expected .*, found "],
  [/^type mismatch in import `(.*)::(.*)`$/, "core import `<1>` `<2>`: expected .*, found "],
  [/^type mismatch$/, "Expected a valid core module: "],
  [/^expected primitive `(.*)` found primitive `(.*)`$/, "expected <1>, found <2>"],
  [/^expected primitive, found record$/, "expected [a-z]\\w+, found record"],
  [/^expected defined type, found resource$/, "expected a type, found a resource"],
  [/^expected resource, found defined type$/, "expected a resource, found a type"],
  [/^expected func, found component$/, "expected a function, found a component"],
  [/^expected component, found instance$/, "expected a component, found an instance"],
  [/^expected global type (.*), found (.*)$/, "expected global <1>, found global <2>"],
  [/^expected global, found func$/, "expected global .*, found func"],
  [
    /^expected table element type funcref, found externref$/,
    "expected table .*\\(ref null func\\), found .* extern\\)",
  ],
  [/^expected: \(func\)$/, "expected func\\(\\), found func\\("],
  [/^mismatch in (memory|table) limits$/, "expected <1> \\S+.*, found <1> "],
  [/^mismatch in the shared flag for memories$/, "expected memory \\S+ shared, found memory \\S+ \\("],
  [/^expected own, found borrow$/, "expected \\S+, found borrow<"],
  [/^expected (record|u32), found (u32|tuple)$/, "expected <1>.*, found <2>"],
  // Linking with what the host is given: the problem, and the import with `#item` for an item inside an interface.
  [/^unknown import$/, "^missing [^#]*: "],
  [/^incompatible import type$/, "^(mismatch .*|missing .*#.*): "],
];

/** What an error must say to mean `message`; `undefined` when nothing is known of it. */
export function refusalFor(message: string): RegExp | undefined {
  for (const [expected, said] of meanings) {
    const match = expected.exec(message);
    if (match === null) continue;
    return new RegExp(said.replaceAll(/<(\d)>/g, (_, group: string) => escaped(match[Number(group)] ?? "")));
  }
  return undefined;
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
}
