/**
 * Owns the reading of a query's first words, which say what it begins with. It never reads further, and never
 * decides what follows from them.
 */

const space = /[\s;]*/y;
const word = /[a-z_]\w*/iy;
const lineEnd = /[\n\r]|$/g;
const blockEdge = /\/\*|\*\//g;

/**
 * The first three words of the query, in lower case, or those up to the first thing that is none. Space, comments and
 * empty statements may come before and between. It takes time in proportion to what it passes over.
 */
export function firstWords(text: string): readonly string[] {
  const words: string[] = [];
  for (let at = 0; words.length < 3;) {
    word.lastIndex = afterSpace(text, at);
    const [found] = word.exec(text) ?? [];
    if (found === undefined) break;
    words.push(found.toLowerCase());
    at = word.lastIndex;
  }
  return words;
}

function afterSpace(text: string, from: number): number {
  for (let at = from; ;) {
    at = afterMatch(space, text, at);
    if (text.startsWith("--", at)) at = afterMatch(lineEnd, text, at);
    else if (text.startsWith("/*", at)) at = afterBlock(text, at);
    else return at;
  }
}

/** In Postgres such comments may hold others. */
function afterBlock(text: string, from: number): number {
  let at = from;
  let depth = 0;
  do {
    at = afterMatch(blockEdge, text, at);
    depth += text.startsWith("/*", at - 2) ? 1 : -1;
  } while (depth > 0 && at < text.length);
  return at;
}

/** Where the next match ends; the end of the text when there is none. */
function afterMatch(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : text.length;
}
