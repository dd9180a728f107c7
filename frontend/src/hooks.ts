import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "./api";
import { parsePlace, type Place } from "./url";

export function usePlace(): Place {
  const [place, set] = useState(() => parsePlace(location.hash));
  useEffect(() => {
    const changed = () => set(parsePlace(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return place;
}

export interface Live {
  changes: Record<string, number>;
  waiting: number;
  connected: boolean;
}

/** What the server says of the runs as they grow; the browser itself connects again after a break. */
export function useLive(): Live {
  const [live, set] = useState<Live>({ changes: {}, waiting: 0, connected: false });
  useEffect(() => {
    const source = new EventSource("/api/events");
    source.onmessage = (event) => set({ ...JSON.parse(event.data), connected: true });
    source.onerror = () => set((before) => ({ ...before, connected: false }));
    return () => source.close();
  }, []);
  return live;
}

export interface Answer<T> {
  data: T | null;
  error: string;
  busy: boolean;
}

/** Ask, and ask again when the question or `version` changes; older answers stay until the next is here. */
export function useAnswer<T>(what: string, query: string | null, version = 0): Answer<T> {
  const [answer, set] = useState<Answer<T>>({ data: null, error: "", busy: true });
  useEffect(() => {
    if (query === null) return;
    const stop = new AbortController();
    set((before) => ({ ...before, busy: true }));
    ask<T>(what, query, stop.signal).then(
      (data) => set({ data, error: "", busy: false }),
      (error: Error) => {
        if (!stop.signal.aborted) set({ data: null, error: error.message, busy: false });
      },
    );
    return () => stop.abort();
  }, [what, query, version]);
  return answer;
}

/** A value that follows another, at most once in so many milliseconds. */
export function useSlow<T>(value: T, pause: number): T {
  const [slow, set] = useState(value);
  const last = useRef(0);
  useEffect(() => {
    const wait = Math.max(0, last.current + pause - Date.now());
    const timer = setTimeout(() => {
      last.current = Date.now();
      set(value);
    }, wait);
    return () => clearTimeout(timer);
  }, [value, pause]);
  return slow;
}

/** The counter that changes when one of some runs does; all runs if none are named. */
export function versionOf(live: Live, runs: readonly string[]): number {
  const names = runs.length ? runs : Object.keys(live.changes);
  return names.reduce((sum, name) => sum + (live.changes[name] ?? 0), 0);
}

export function useDark(): boolean {
  const query = useRef(matchMedia("(prefers-color-scheme: dark)")).current;
  const [dark, set] = useState(query.matches);
  useEffect(() => {
    const changed = () => set(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, [query]);
  return dark;
}
