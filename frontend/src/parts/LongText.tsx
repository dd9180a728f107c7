import { useState } from "preact/hooks";
import { clipped, grouped, lineCount, whole } from "../text";
import { Text } from "./Text";

const LINES = 9;
const CHARACTERS = 1500;
const STEP = 40_000;

/** A text that may have a million characters: its first lines, all of it on demand, in steps. */
export function LongText({ text, name }: { text: string; name: string }) {
  const [shown, show] = useState(0);
  const part = shown ? whole(text, shown) : clipped(text, LINES, CHARACTERS);
  const rest = text.length - part.length;
  return (
    <>
      <pre class="said" dir="auto">
        <Text text={part} />
      </pre>
      {rest > 0 && (
        <button class="more" onClick={() => show((shown || part.length) + STEP)} aria-label={more(text, rest, name)}>
          {label(text, rest)}
        </button>
      )}
      {shown > 0 && (
        <button class="more" onClick={() => show(0)} aria-label={`fold ${name}`}>
          fold
        </button>
      )}
    </>
  );
}

function label(text: string, rest: number): string {
  if (rest > STEP) return `${grouped(STEP)} more of ${grouped(text.length)} characters`;
  const lines = lineCount(text);
  return lines > LINES ? `all ${grouped(lines)} lines` : `all ${grouped(text.length)} characters`;
}

const more = (text: string, rest: number, name: string): string => `${label(text, rest)} of ${name}`;
