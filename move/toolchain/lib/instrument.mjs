/**
 * Changes to the text of a package that make its tests report which functions they execute.
 */
import { UserError } from "./errors.mjs";

/** Added to the number of a function: a code that no test and no framework function uses. */
const CODE_BASE = 7_700_000_000_000;
/** A report packs so many function numbers, of so many bits each, into one abort code. */
const NUMBERS_PER_REPORT = 6;
const BITS_PER_NUMBER = 10;
/** A transaction may emit 1024 events; the rest is for those of the tests. */
const EVENTS_MAX = 900;
/** Steps between the events that a test reports; prime, so that they are spread whatever their number is. */
const REPORT_STRIDE = 37;

/**
 * Functions in `own` files that others can call, test functions left out. With `all` the functions for the
 * package itself, too.
 */
export function findFunctions(files, own, all) {
  const pattern = all ? /^(?:public(?:\(package\))? |entry )+fun (\w+)/gm : /^(?:public |entry )+fun (\w+)/gm;
  const functions = [];
  for (const file of own.filter((name) => /^sources\/.*\.move$/.test(name)).sort()) {
    const text = files[file];
    if (/^#\[test_only\]\s*(?:\/\/.*\s*)*module\b/m.test(text)) continue;
    const module = moduleOf(text);
    for (const match of text.matchAll(pattern)) {
      if (/\btest_only\b/.test(attributesBefore(text, match.index))) continue;
      const line = text.slice(0, match.index).split("\n").length;
      functions.push({ file, line, id: `${module}::${match[1]}`, body: bodyStart(text, match.index) });
    }
  }
  if (functions.length >= 2 ** BITS_PER_NUMBER) throw new UserError("too many functions for one report");
  return functions;
}

/** Lets functions emit an event, and tests that end without an abort report a few of them by one. */
export function reportAtEnd(files, functions) {
  const probe = `${addressOf(files)}::coverage_probe`;
  // The number 0 stands for nothing. With `::` in front, no module of the address's name is in the way.
  const changed = insertInBodies(files, functions, (number) => `::${probe}::hit(${number + 1});`);
  let salt = 0;
  for (const name of Object.keys(changed).filter((file) => file.endsWith(".move"))) {
    changed[name] = changed[name].replace(
      /^#\[\s*test\s*\](?:\s*#\[[^\]]*\])*\s*fun \w+\(\) \{[\s\S]*?(?=^\}$)/gm,
      (test) => `${test.trimEnd().replace(/[^;]$/, "$&;")} ::${probe}::report(${(salt += 1)});\n`,
    );
  }
  changed["sources/coverage_probe.move"] = probeModule(probe);
  const code = /aborted with code (\d+) originating in the module \S+::coverage_probe\b/g;
  const reported = (output) => {
    const numbers = [...output.matchAll(code)].flatMap(([, packed]) => unpack(BigInt(packed)));
    return new Set(numbers.map((number) => functions[number - 1]));
  };
  return { files: changed, reported };
}

/** Lets functions abort, each with a code of its own. */
export function abortAtStart(files, functions) {
  const changed = insertInBodies(files, functions, (number) => `abort ${CODE_BASE + number};`);
  const reported = (output) => {
    const codes = [...output.matchAll(/\b77\d{11}\b/g)].map(([code]) => Number(code));
    return new Set(codes.map((code) => functions[code - CODE_BASE]));
  };
  return { files: changed, reported };
}

function probeModule(name) {
  return `
module ${name};

public struct Hit has copy, drop { number: u64 }

public(package) fun hit(number: u64) {
    if (sui::event::num_events() < ${EVENTS_MAX}) sui::event::emit(Hit { number });
}

public(package) fun report(salt: u64) {
    let hits = sui::event::events_by_type<Hit>();
    if (hits.is_empty()) return;
    let mut packed = 0;
    ${NUMBERS_PER_REPORT}u64.do!(|i| {
        let hit = &hits[(salt + ${REPORT_STRIDE} * i) % hits.length()];
        packed = (packed << ${BITS_PER_NUMBER}) + hit.number;
    });
    abort packed
}
`;
}

function unpack(packed) {
  const numbers = [];
  for (let rest = packed; rest > 0n; rest >>= BigInt(BITS_PER_NUMBER)) {
    numbers.push(Number(rest & (2n ** BigInt(BITS_PER_NUMBER) - 1n)));
  }
  return numbers;
}

/** The files with a statement at the start of each function, made from the function's place in the list. */
function insertInBodies(files, functions, statement) {
  const changed = { ...files };
  // From the end of a file to its start, so that the positions stay right.
  const order = functions.map((_, number) => number).sort((a, b) => functions[b].body - functions[a].body);
  for (const number of order) {
    const { file, body } = functions[number];
    changed[file] = `${changed[file].slice(0, body)} ${statement(number)}${changed[file].slice(body)}`;
  }
  return changed;
}

/** Attributes and comments directly in front of an item. */
function attributesBefore(text, index) {
  const lines = text.slice(0, index).trimEnd().split("\n");
  let first = lines.length;
  while (first > 0 && /^(#\[|\/\/)/.test(lines[first - 1])) first -= 1;
  return lines.slice(first).filter((line) => line.startsWith("#[")).join("\n");
}

/** Position behind the brace that opens the body of a function: the first one behind its parameters. */
function bodyStart(text, index) {
  let depth = 0;
  for (let at = text.indexOf("(", text.indexOf(" fun ", index - 1)); at < text.length; at += 1) {
    if (text[at] === "(") depth += 1;
    else if (text[at] === ")") depth -= 1;
    else if (text[at] === "{" && depth === 0) return at + 1;
  }
  throw new UserError(`a function has no body: ${text.slice(index, index + 80)}`);
}

function moduleOf(text) {
  return /^module\s+([\w:]+)/m.exec(text)[1];
}

function addressOf(files) {
  const source = Object.keys(files).find((name) => /^sources\/.*\.move$/.test(name));
  return moduleOf(files[source]).split("::")[0];
}
