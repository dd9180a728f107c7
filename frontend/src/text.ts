/** Makes visible what a text would otherwise do unseen: control characters, terminal escapes, bidi overrides. */
export interface Piece {
  text: string;
  /** What a hidden character is; absent for plain text. */
  hidden?: string;
}

const BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069";
const INVISIBLE = "\u00ad\u180e\u200b\u2028\u2029\u2060-\u2064\ufeff\ufff9-\ufffb";
const CONTROL = "\u0000-\u0008\u000b-\u001f\u007f-\u009f";
const HIDDEN = new RegExp(
  `[${CONTROL}${BIDI}${INVISIBLE}]|[\\u{e0000}-\\u{e007f}]|[\\ud800-\\udfff]`,
  "gu",
);

const CONTROLS =
  "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(
    " ",
  );

export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    found.push(shown(match[0]));
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

function shown(character: string): Piece {
  const code = character.codePointAt(0) ?? 0;
  const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return { text: `<${CONTROLS[code] ?? (code === 0x7f ? "DEL" : name)}>`, hidden: name };
}

/** The first lines of a text, at most so many characters, never half of a surrogate pair. */
export function clipped(text: string, lines: number, characters: number): string {
  let end = -1;
  for (let line = 0; line < lines; line++) {
    end = text.indexOf("\n", end + 1);
    if (end < 0 || end > characters) break;
  }
  return whole(text, end < 0 || end > characters ? characters : end);
}

/** The start of a text that does not end within a character. */
export function whole(text: string, end: number): string {
  const last = text.charCodeAt(end - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? end - 1 : end);
}

export function lineCount(text: string): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

export function short(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const text =
    Number.isInteger(value) && size < 1e7
      ? String(value)
      : size >= 1e6 || (size > 0 && size < 0.5 * 10 ** -digits)
        ? value.toExponential(1)
        : value.toFixed(digits);
  return text.replace("-", "−");
}

export const grouped = (value: number): string => value.toLocaleString("en");
