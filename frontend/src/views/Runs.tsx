import { useMemo } from "preact/hooks";
import { Problem, type ViewProps } from "../App";
import type { Curve, Run } from "../api";
import { useAnswer, useDark, useSlow, versionOf } from "../hooks";
import { Chart, colorOf } from "../parts/Chart";
import { Picked } from "../parts/Picked";
import { grouped, short } from "../text";
import { link, query } from "../url";

const USUAL = ["return_mean", "evaluation/return_mean", "evaluation/greedy_return_mean", "turns_mean"];
const NONE: Curve[] = [];

/** Runs side by side, and their curves as they grow. */
export function Runs({ place, live, overview }: ViewProps) {
  const all = useStable(overview.runs.map((run) => run.name));
  const chosen = useStable(place.params.has("run") ? place.params.getAll("run") : all);
  const keys = place.params.has("key") ? place.params.getAll("key") : usual(overview.keys);
  const version = useSlow(versionOf(live, chosen), 1000);
  const wanted = chosen.length && keys.length ? query({ run: chosen, key: keys }) : null;
  const answer = useAnswer<Curve[]>("curves", wanted, version);
  const go = (run: string[], key: string[]) => (location.hash = link("runs", { run, key }));
  if (!overview.runs.length) return <NoRuns />;
  return (
    <>
      <h1>Runs</h1>
      <RunTable runs={overview.runs} all={all} chosen={chosen} choose={(names) => go(names, keys)} />
      <h2>Curves</h2>
      <Picked
        label="Add a curve"
        all={overview.keys}
        chosen={keys}
        choose={(names) => go(chosen, names)}
      />
      {answer.error && <Problem>{answer.error}</Problem>}
      <div class="charts">
        {keys.map((key) => (
          <KeyChart key={key} name={key} curves={wanted === null ? NONE : (answer.data ?? NONE)} {...{ all, chosen }} />
        ))}
      </div>
      <p class="quiet">A click on a curve opens that update’s episodes.</p>
    </>
  );
}

const usual = (keys: string[]): string[] => {
  const found = USUAL.filter((key) => keys.includes(key));
  return found.length ? found : keys.slice(0, 4);
};

/** The same list as long as it holds the same names. */
function useStable(names: string[]): string[] {
  return useMemo(() => names, [JSON.stringify(names)]);
}

function KeyChart({ name, curves, all, chosen }: { name: string; curves: Curve[]; all: string[]; chosen: string[] }) {
  const own = useMemo(() => curves.filter((curve) => curve.key === name), [curves, name]);
  const pick = (update: number) =>
    (location.hash = link("episodes", { run: chosen, update_least: update, update_most: update }));
  return <Chart title={name} curves={own} runs={all} onPick={pick} />;
}

interface TableProps {
  runs: Run[];
  all: string[];
  chosen: string[];
  choose: (names: string[]) => void;
}

function RunTable({ runs, all, chosen, choose }: TableProps) {
  const dark = useDark();
  const toggle = (name: string) =>
    choose(all.filter((one) => (one === name) !== chosen.includes(one)));
  return (
    <div class="wide" role="region" aria-label="Runs" tabIndex={0}>
      <table class="runs">
        <thead>
          <tr>
            {["draw", "run", "environment", "algorithm", "agents", "updates", "episodes", "return", "failures", "state"].map(
              (name) => (
                <th key={name} scope="col" class={`${NUMERIC.has(name) ? "number" : ""} ${NARROW.has(name) ? "" : "wide-only"}`}>
                  {name}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.name}>
              <td>
                <label class="draw">
                  <input
                    type="checkbox"
                    checked={chosen.includes(run.name)}
                    onChange={() => toggle(run.name)}
                    aria-label={`draw ${run.name}`}
                  />
                  <Swatch color={colorOf(all.indexOf(run.name), dark)} />
                </label>
              </td>
              <th scope="row">
                <a href={link("episodes", { run: run.name })}>{run.name}</a>
                <span class="narrow-only quiet">
                  {run.environment}, {run.algorithm}, {grouped(run.episodes)} episodes
                  {run.failures > 0 && `, ${run.failures} failures`}, {stateOf(run)}
                </span>
              </th>
              <td class="wide-only">{run.environment}</td>
              <td class="wide-only">{run.algorithm}</td>
              <td class="agents wide-only">{run.agents.join(", ")}</td>
              <td class="number">
                {run.updates}
                {run.planned > 0 && ` of ${run.planned}`}
              </td>
              <td class="number wide-only">{grouped(run.episodes)}</td>
              <td class="number">
                {short(run.returns[0])} → {short(run.returns.at(-1))}
              </td>
              <td class="number wide-only">{run.failures}</td>
              <td class="wide-only">{stateOf(run)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const stateOf = (run: Run): string => (run.finished ? "finished" : run.updates ? "not finished" : "starting");
const NARROW = new Set(["draw", "run", "updates", "return"]);
const NUMERIC = new Set(["updates", "episodes", "return", "failures"]);

function Swatch({ color }: { color: string }) {
  return (
    <svg width="14" height="14" aria-hidden="true">
      <rect y="5" width="14" height="4" rx="2" fill={color} />
    </svg>
  );
}

function NoRuns() {
  return (
    <>
      <h1>No runs yet</h1>
      <p>
        A run is a folder with <code>config.yaml</code>, at most four folders below the one that is viewed. Start one
        with <code>collm train demo</code>; it appears here by itself.
      </p>
    </>
  );
}
