import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, type Listed, type Summary } from "../api";
import type { Span } from "../parts/VirtualTable";

const PAGE = 100;

export interface Pages {
  total: number;
  ready: boolean;
  error: string;
  row: (index: number) => Summary | undefined;
  need: (span: Span) => void;
}

/** Rows of a long list, fetched a page at a time as they come into sight; anew when the question changes. */
export function usePages(query: string, version: number): Pages {
  const pages = useRef(new Map<number, Summary[]>());
  const asked = useRef(new Set<number>());
  const span = useRef<Span>({ first: 0, end: PAGE });
  const [state, set] = useState({ total: 0, ready: false, error: "", drawn: 0 });
  const stop = useRef(new AbortController());

  const fetchPage = useCallback(
    (page: number, fresh: boolean) => {
      if (asked.current.has(page)) return;
      asked.current.add(page);
      const signal = stop.current.signal;
      ask<Listed>("episodes", `${query}&offset=${page * PAGE}&limit=${PAGE}`, signal).then(
        (found) => {
          if (signal.aborted) return;
          if (fresh) pages.current.clear();
          pages.current.set(page, found.rows);
          set((before) => ({ total: found.total, ready: true, error: "", drawn: before.drawn + 1 }));
        },
        (error: Error) => {
          if (!signal.aborted) set((before) => ({ ...before, ready: true, error: error.message }));
        },
      );
    },
    [query],
  );

  useEffect(() => {
    stop.current = new AbortController();
    asked.current.clear();
    fetchPage(Math.floor(span.current.first / PAGE), true);
    return () => stop.current.abort();
  }, [fetchPage, version]);

  const need = useCallback(
    (wanted: Span) => {
      span.current = wanted;
      const last = Math.floor(Math.max(wanted.first, wanted.end - 1) / PAGE);
      for (let page = Math.floor(wanted.first / PAGE); page <= last; page++) fetchPage(page, false);
    },
    [fetchPage],
  );
  const row = (index: number) => pages.current.get(Math.floor(index / PAGE))?.[index % PAGE];
  return { total: state.total, ready: state.ready, error: state.error, row, need };
}
