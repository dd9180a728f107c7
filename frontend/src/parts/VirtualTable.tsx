import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export const ROW = 33;
const SPARE = 6;

export interface Span {
  first: number;
  end: number;
}

/** Which rows of many to render, from where the box is scrolled to. */
export function visible(top: number, height: number, total: number): Span {
  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  return { first: Math.min(first, total), end: Math.min(total, Math.ceil((top + height) / ROW) + SPARE) };
}

export interface VirtualTableProps {
  label: string;
  total: number;
  head: ComponentChildren;
  row: (index: number) => ComponentChildren;
  columns: number;
  onSpan: (span: Span) => void;
  /** Scroll to the top when this changes. */
  reset: string;
}

/** A table of any length of which only the rows in sight exist; arrow keys go from row to row. */
export function VirtualTable({ label, total, head, row, columns, onSpan, reset }: VirtualTableProps) {
  const box = useRef<HTMLDivElement>(null);
  const [seen, see] = useState({ top: 0, height: 600 });
  const span = visible(seen.top, seen.height, total);
  const look = () => box.current && see({ top: box.current.scrollTop, height: box.current.clientHeight });
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = 0;
    look();
  }, [reset]);
  useEffect(() => {
    const resized = new ResizeObserver(look);
    if (box.current) resized.observe(box.current);
    return () => resized.disconnect();
  }, []);
  useEffect(() => onSpan(span), [span.first, span.end, reset]);
  return (
    <div
      class="virtual"
      ref={box}
      onScroll={look}
      onKeyDown={(event) => step(event, box.current, total)}
      role="region"
      aria-label={label}
      tabIndex={0}
    >
      <table aria-rowcount={total + 1}>
        <thead>{head}</thead>
        <tbody>
          <Gap rows={span.first} columns={columns} />
          {Array.from({ length: span.end - span.first }, (_, place) => row(span.first + place))}
          <Gap rows={total - span.end} columns={columns} />
        </tbody>
      </table>
    </div>
  );
}

function Gap({ rows, columns }: { rows: number; columns: number }) {
  if (rows <= 0) return null;
  return (
    <tr aria-hidden="true" class="gap">
      <td colSpan={columns} style={{ height: `${rows * ROW}px` }} />
    </tr>
  );
}

/** Arrow up and down move the focus to the link of the next row, which may have to be rendered first. */
function step(event: KeyboardEvent, box: HTMLElement | null, total: number) {
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!way || !box) return;
  const row = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>("[data-row]");
  const next = row ? Number(row.dataset["row"]) + way : Math.floor(box.scrollTop / ROW);
  if (next < 0 || next >= total) return;
  event.preventDefault();
  const top = next * ROW;
  const room = box.clientHeight - 2 * ROW;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top > box.scrollTop + room) box.scrollTop = top - room;
  focusRow(box, next, 5);
}

function focusRow(box: HTMLElement, index: number, tries: number) {
  const link = box.querySelector<HTMLElement>(`[data-row="${index}"] a`);
  if (link) link.focus({ preventScroll: true });
  else if (tries) requestAnimationFrame(() => focusRow(box, index, tries - 1));
}
