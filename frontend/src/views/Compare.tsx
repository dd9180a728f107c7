import { Problem, type ViewProps } from "../App";
import type { Episode, Listed, SharedTask, Summary } from "../api";
import { useAnswer } from "../hooks";
import { Conversation } from "../parts/Conversation";
import { Panel } from "../panels/Panel";
import { short } from "../text";
import { link, query, values } from "../url";
import { placeOf } from "./Episodes";

const LOOKS = { wrap: true, tokens: false };

/** Two runs on the same task, an episode of each beside the other. */
export function Compare({ place, overview }: ViewProps) {
  const { params } = place;
  const names = overview.runs.map((run) => run.name);
  const left = params.get("left") ?? names[0] ?? "";
  const right = params.get("right") ?? partner(overview.runs, left);
  const tasks = useAnswer<SharedTask[]>("tasks", left && right ? query({ run: [left, right] }) : null);
  const wanted = params.get("task");
  const task = tasks.data?.find((one) => one.task === wanted)?.task ?? tasks.data?.[0]?.task;
  const set = (changed: Record<string, string>) =>
    (location.hash = link("compare", { left, right, ...(task ? { task } : {}), ...values(params), ...changed }));
  if (!names.length) return <h1>No runs yet</h1>;
  return (
    <>
      <h1>Compare two runs</h1>
      <form class="filters" aria-label="What to compare" onSubmit={(event) => event.preventDefault()}>
        <Names label="Left run" names={names} value={left} choose={(name) => set({ left: name })} />
        <Names label="Right run" names={names} value={right} choose={(name) => set({ right: name })} />
        <label class="task">
          Task
          <select value={task} onChange={(event) => set({ task: event.currentTarget.value })}>
            {tasks.data?.map((one) => (
              <option key={one.task} value={one.task}>
                {one.task} ({short(one.left_mean)} | {short(one.right_mean)})
              </option>
            ))}
          </select>
        </label>
      </form>
      {tasks.error && <Problem>{tasks.error}</Problem>}
      {tasks.data && !task && <p>These two runs have no task in common.</p>}
      {task && (
        <div class="pair">
          <Side key={`l${left}${task}`} run={left} task={task} which="left_episode" params={params} set={set} />
          <Side key={`r${right}${task}`} run={right} task={task} which="right_episode" params={params} set={set} />
        </div>
      )}
    </>
  );
}

/** Another run of the same environment, if there is one. */
function partner(runs: { name: string; environment: string }[], left: string): string {
  const kind = runs.find((run) => run.name === left)?.environment;
  const others = runs.filter((run) => run.name !== left);
  return (others.find((run) => run.environment === kind) ?? others[0] ?? runs[0])?.name ?? "";
}

interface NamesProps {
  label: string;
  names: string[];
  value: string;
  choose: (name: string) => void;
}

function Names({ label, names, value, choose }: NamesProps) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

interface SideProps {
  run: string;
  task: string;
  which: string;
  params: URLSearchParams;
  set: (changed: Record<string, string>) => void;
}

function Side({ run, task, which, params, set }: SideProps) {
  const asked = query({ run, task_is: task, sort: "number", descending: "true", limit: 500 });
  const listed = useAnswer<Listed>("episodes", asked);
  const rows = listed.data?.rows ?? [];
  const chosen = rows.find((row) => keyOf(row) === params.get(which)) ?? rows[0];
  return (
    <section class="side" aria-label={`${run} on ${task}`}>
      <h2>{run}</h2>
      <label class="which">
        Episode{" "}
        <select value={chosen && keyOf(chosen)} onChange={(event) => set({ [which]: event.currentTarget.value })}>
          {rows.map((row) => (
            <option key={row.id} value={keyOf(row)}>
              {row.file}, path {row.path}: return {short(row.gain)}
            </option>
          ))}
        </select>
      </label>
      {listed.error && <Problem>{listed.error}</Problem>}
      {chosen && <One key={chosen.id} summary={chosen} />}
    </section>
  );
}

const keyOf = (row: Summary): string => `${row.file}:${row.tree}:${row.path}`;

function One({ summary }: { summary: Summary }) {
  const { run, file, tree, path } = summary;
  const answer = useAnswer<Episode>("episode", query({ run, file, tree, path }));
  if (answer.error) return <Problem>{answer.error}</Problem>;
  if (!answer.data) return <p class="quiet">Reading the episode …</p>;
  const { turns, agents } = answer.data;
  return (
    <>
      <p>
        return <b>{short(summary.gain)}</b> · {summary.turns} turns · <a href={placeOf(summary)}>open alone</a>
      </p>
      <Panel place={summary} turns={turns.length} turn={turns.length - 1} />
      <div class="talk" role="region" aria-label={`Conversation of ${run}`} tabIndex={0}>
        <Conversation turns={turns} agents={agents} looks={LOOKS} />
      </div>
    </>
  );
}
