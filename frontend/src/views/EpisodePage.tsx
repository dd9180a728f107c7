import { useEffect, useMemo, useState } from "preact/hooks";
import { Problem, type ViewProps } from "../App";
import type { Beside, Episode, Summary } from "../api";
import { useAnswer } from "../hooks";
import { hasTokens } from "../rows";
import { Conversation, type Looks } from "../parts/Conversation";
import { Text } from "../parts/Text";
import { TreeWalk } from "../parts/TreeWalk";
import { Panel } from "../panels/Panel";
import { short } from "../text";
import { link, query } from "../url";
import { placeOf } from "./Episodes";

/** One episode: the conversation, what was built, and the tree it belongs to. */
export function EpisodePage({ place }: ViewProps) {
  const asked = placeQuery(place.params);
  const answer = useAnswer<Episode>("episode", asked);
  if (answer.error) return <Problem>{answer.error}</Problem>;
  if (!answer.data) return <p class="quiet">Reading the episode …</p>;
  return <Whole key={asked} episode={answer.data} turn={Number(place.params.get("turn") ?? -1)} />;
}

const placeQuery = (params: URLSearchParams): string =>
  query(Object.fromEntries(["run", "file", "tree", "path"].map((key) => [key, params.get(key) ?? ""])));

function Whole({ episode, turn }: { episode: Episode; turn: number }) {
  const { summary, turns, agents } = episode;
  const last = turns.length - 1;
  const at = turn >= 0 && turn <= last ? turn : last;
  const [looks, look] = useState<Looks>({ wrap: true, tokens: false });
  const [hidden, hide] = useState<string[]>([]);
  const shown = useMemo(() => agents.filter((name) => !hidden.includes(name)), [agents, hidden]);
  const go = (to: number) => history.replaceState(null, "", `${placeOf(summary)}&turn=${to}`);
  const [current, setCurrent] = useState(at);
  useEffect(() => {
    if (turn >= 0) document.querySelector(`[data-turn="${at}"]`)?.scrollIntoView({ block: "nearest" });
  }, []);
  const turnTo = (to: number) => {
    go(to);
    setCurrent(to);
  };
  return (
    <>
      <Title episode={episode} />
      <div class="tools">
        <Check label="wrap long lines" on={looks.wrap} turn={(wrap) => look({ ...looks, wrap })} />
        <Check
          label="color tokens by log-probability"
          on={looks.tokens}
          turn={(tokens) => look({ ...looks, tokens })}
          off={!hasTokens(turns, agents)}
          why="this run's rows hold no log-probabilities of single tokens"
        />
        {agents.length > 1 && (
          <fieldset class="show">
            <legend>show</legend>
            {agents.map((name) => (
              <Check
                key={name}
                label={name}
                on={!hidden.includes(name)}
                turn={(on) => hide(on ? hidden.filter((other) => other !== name) : [...hidden, name])}
              />
            ))}
          </fieldset>
        )}
      </div>
      <div class="episode">
        <div class="talk" role="region" aria-label="Conversation" tabIndex={0}>
          <Conversation turns={turns} agents={shown} looks={looks} at={last > 0 ? current : -1} level="h2" />
        </div>
        <aside aria-label="Beside the conversation">
          <Panel place={summary} turns={turns.length} turn={current} turnTo={turnTo} />
          <TreeWalk nodes={episode.tree} path={summary.path} go={(leaf) => open(summary, { tree: summary.tree, path: leaf })} />
        </aside>
      </div>
    </>
  );
}

function open(summary: Summary, beside: Beside) {
  location.hash = placeOf({ ...summary, ...beside });
}

function Title({ episode: { summary, previous, next } }: { episode: Episode }) {
  const to = (beside: Beside) => placeOf({ ...summary, ...beside });
  return (
    <div class="title">
      <h1>
        <Text text={summary.task || "(no task)"} />
      </h1>
      <span class="quiet">
        <a href={link("episodes", { run: summary.run })}>{summary.run}</a> · {summary.file} · tree {summary.tree} · path{" "}
        {summary.path}
      </span>
      <span>
        return <b>{short(summary.gain)}</b>
        {summary.raw !== summary.gain && <> · raw {short(summary.raw)}</>}
      </span>
      <span class="beside">
        {previous && <a href={to(previous)}>← previous</a>}
        {next && <a href={to(next)}>next →</a>}
        <a href={link("compare", { left: summary.run, task: summary.task })}>compare runs</a>
      </span>
    </div>
  );
}

interface CheckProps {
  label: string;
  on: boolean;
  turn: (on: boolean) => void;
  off?: boolean;
  why?: string;
}

export function Check({ label, on, turn, off = false, why }: CheckProps) {
  return (
    <label class={off ? "check quiet" : "check"} title={off ? why : undefined}>
      <input type="checkbox" checked={on} disabled={off} onChange={(event) => turn(event.currentTarget.checked)} />
      {label}
      {off && why && <span class="unseen"> ({why})</span>}
    </label>
  );
}
