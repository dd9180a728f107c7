import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Overview } from "./api";
import { useAnswer, useLive, usePlace, useSlow, versionOf, type Live } from "./hooks";
import { link, type Place } from "./url";
import { Compare } from "./views/Compare";
import { EpisodePage } from "./views/EpisodePage";
import { Episodes } from "./views/Episodes";
import { Runs } from "./views/Runs";

export interface ViewProps {
  place: Place;
  live: Live;
  overview: Overview;
}

const VIEWS = { runs: Runs, episodes: Episodes, episode: EpisodePage, compare: Compare };
const TITLES: Record<string, string> = {
  runs: "Runs",
  episodes: "Episodes",
  compare: "Compare",
  episode: "Episode",
};

export function App() {
  const place = usePlace();
  const live = useLive();
  const version = useSlow(versionOf(live, []), 1000);
  const overview = useAnswer<Overview>("runs", "", version);
  const main = useFocusOnChange(place.view);
  const View = VIEWS[place.view as keyof typeof VIEWS] ?? Runs;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => skipTo(event, main.current)}>
        Skip to the content
      </a>
      <Head view={place.view} live={live} />
      <main id="main" ref={main} tabIndex={-1}>
        {overview.error && <Problem>{overview.error}</Problem>}
        {overview.data ? (
          <View place={place} live={live} overview={overview.data} />
        ) : (
          <p class="quiet">Reading the runs …</p>
        )}
      </main>
    </>
  );
}

function Head({ view, live }: { view: string; live: Live }) {
  return (
    <header class="head">
      <span class="brand">collm view</span>
      <nav aria-label="Views">
        {["runs", "episodes", "compare"].map((name) => (
          <a key={name} href={link(name)} aria-current={isAt(name, view) ? "page" : undefined}>
            {TITLES[name]}
          </a>
        ))}
      </nav>
      <span class="live" role="status">
        {!live.connected ? "not connected" : live.waiting ? `reading ${live.waiting} files` : "up to date"}
      </span>
    </header>
  );
}

const isAt = (name: string, view: string): boolean =>
  name === view || (name === "episodes" && view === "episode");

/** Move the focus to the new content, as a page load would, but not on the first one. */
function useFocusOnChange(view: string) {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${TITLES[view] ?? "Runs"} · collm view`;
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [view]);
  return main;
}

function skipTo(event: Event, main: HTMLElement | null) {
  event.preventDefault();
  main?.focus();
}

export function Problem({ children }: { children: ComponentChildren }) {
  return (
    <p class="problem" role="alert">
      {children}
    </p>
  );
}
