import { Text } from "../parts/Text";
import { num, record, str } from "../rows";

export interface Span {
  start: number;
  end: number;
  label: string;
}

export interface Segment {
  text: string;
  labels: string[];
}

/** Cuts a text where spans begin and end. Offsets count characters, not UTF-16 units; spans may overlap. */
export function segments(text: string, spans: Span[]): Segment[] {
  const characters = Array.from(text);
  const inside = spans.filter((span) => span.start < span.end && span.start < characters.length);
  const cuts = new Set([0, characters.length]);
  for (const span of inside) cuts.add(Math.max(0, span.start)).add(Math.min(characters.length, span.end));
  const ends = [...cuts].sort((one, other) => one - other);
  return ends.slice(1).map((end, place) => {
    const start = ends[place] ?? 0;
    const labels = inside.filter((span) => span.start <= start && span.end >= end).map((span) => span.label);
    return { text: characters.slice(start, end).join(""), labels: [...new Set(labels)] };
  });
}

export function spansOf(value: unknown): Span[] {
  if (!Array.isArray(value)) return [];
  return value.map(record).flatMap((span) => {
    const [start, end] = [num(span["start"]), num(span["end"])];
    return start === null || end === null ? [] : [{ start, end, label: str(span["label"]) }];
  });
}

const PATTERNS = 8;

/** Texts with the words that a measure counts; each label has a color and a line of its own. */
export function Marks({ data }: { data: Record<string, unknown> }) {
  const texts = (Array.isArray(data["texts"]) ? data["texts"] : []).map(record).map((text) => ({
    name: str(text["name"]),
    text: str(text["text"]),
    spans: spansOf(text["spans"]),
  }));
  const counts = new Map<string, number>();
  for (const { spans } of texts) for (const { label } of spans) counts.set(label, (counts.get(label) ?? 0) + 1);
  const labels = [...counts.keys()].sort();
  const classOf = (label: string) => `mark m${labels.indexOf(label) % PATTERNS}`;
  return (
    <>
      <ul class="legend">
        {labels.map((label) => (
          <li key={label}>
            <span class={classOf(label)}>{label}</span> {counts.get(label)}
          </li>
        ))}
      </ul>
      {texts.map(({ name, text, spans }) => (
        <div key={name} class="marked">
          <h3>{name}</h3>
          <p class="marked-text" dir="auto">
            {segments(text, spans).map((segment, place) =>
              segment.labels.length ? (
                <mark key={place} class={classOf(segment.labels[0] ?? "")} title={segment.labels.join(", ")}>
                  <Text text={segment.text} />
                </mark>
              ) : (
                <Text key={place} text={segment.text} />
              ),
            )}
          </p>
        </div>
      ))}
    </>
  );
}
