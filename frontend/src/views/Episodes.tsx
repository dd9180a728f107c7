import { useMemo } from "preact/hooks";
import { Problem, type ViewProps } from "../App";
import type { Summary } from "../api";
import { useSlow, versionOf } from "../hooks";
import { VirtualTable } from "../parts/VirtualTable";
import { Text } from "../parts/Text";
import { grouped, short } from "../text";
import { link, query, values } from "../url";
import { Filters, type Values } from "./Filters";
import { usePages } from "./usePages";

const COLUMNS: { key: string; label: string; number: boolean }[] = [
  { key: "task", label: "task", number: false },
  { key: "run", label: "run", number: false },
  { key: "number", label: "update", number: true },
  { key: "gain", label: "return", number: true },
  { key: "raw", label: "raw", number: true },
  { key: "turns", label: "turns", number: true },
  { key: "tokens", label: "tokens", number: true },
  { key: "cut", label: "cut off", number: true },
  { key: "failure", label: "notes", number: false },
];
const KINDS: Record<string, string> = { evaluation: "eval", greedy: "greedy" };
const SORTABLE = new Set(["task", "number", "gain", "raw", "turns", "tokens", "cut"]);

/** Every episode of the runs: filtered, sorted, and as many as there are. */
export function Episodes({ place, live, overview }: ViewProps) {
  const { sort = "number", descending = "true", run = [], ...filters } = values(place.params);
  const runs = Array.isArray(run) ? run : [run];
  const asked = useMemo(() => query({ run: runs, ...filters, sort, descending }), [place.params.toString()]);
  const version = useSlow(versionOf(live, runs), 2000);
  const pages = usePages(asked, version);
  const change = (wanted: Values) => {
    const kept = "run" in wanted || !Object.keys(wanted).length ? {} : { run: runs };
    location.hash = link("episodes", { sort, descending, ...kept, ...wanted });
  };
  return (
    <div class="episodes">
      <h1>Episodes</h1>
      <Filters overview={overview} runs={runs} values={filters as Values} change={change} />
      {pages.error && <Problem>{pages.error}</Problem>}
      <p class="found" role="status">
        {!pages.ready ? "Looking …" : found(pages.total, runs)}
      </p>
      <VirtualTable
        label="Episodes found"
        total={pages.total}
        columns={COLUMNS.length}
        reset={asked}
        onSpan={pages.need}
        head={<Head sort={String(sort)} descending={descending === "true"} params={place.params} />}
        row={(index) => <Row key={index} index={index} summary={pages.row(index)} />}
      />
    </div>
  );
}

const found = (total: number, runs: string[]): string =>
  `${grouped(total)} ${total === 1 ? "episode" : "episodes"}${runs.length > 1 ? ` of ${runs.length} runs` : ""}`;

function Head({ sort, descending, params }: { sort: string; descending: boolean; params: URLSearchParams }) {
  const turned = (key: string) =>
    link("episodes", { ...values(params), sort: key, descending: String(key === sort ? !descending : key !== "task") });
  return (
    <tr aria-rowindex={1}>
      {COLUMNS.map(({ key, label, number }) => (
        <th
          key={key}
          scope="col"
          class={`is-${key}${number ? " number" : ""}`}
          aria-sort={key !== sort ? undefined : descending ? "descending" : "ascending"}
        >
          {SORTABLE.has(key) ? (
            <button onClick={() => (location.hash = turned(key))}>
              {label}
              {key === sort && <Arrow down={descending} />}
            </button>
          ) : (
            label
          )}
        </th>
      ))}
    </tr>
  );
}

function Arrow({ down }: { down: boolean }) {
  return (
    <svg class="arrow" width="10" height="8" aria-hidden="true">
      <path d={down ? "M0 0H10L5 8Z" : "M0 8H10L5 0Z"} />
    </svg>
  );
}

function Row({ index, summary }: { index: number; summary: Summary | undefined }) {
  if (!summary)
    return (
      <tr data-row={index} aria-rowindex={index + 2}>
        <td colSpan={COLUMNS.length} class="quiet">
          …
        </td>
      </tr>
    );
  return (
    <tr data-row={index} aria-rowindex={index + 2}>
      <th scope="row" class="is-task">
        <a href={placeOf(summary)}>
          <Text text={summary.task || "(no task)"} />
          {/[1-9]/.test(summary.path) && <span class="quiet"> · {summary.path}</span>}
        </a>
      </th>
      <td class="is-run">{summary.run}</td>
      <td class="is-number number" title={summary.file}>
        {KINDS[summary.kind]} {short(summary.number)}
      </td>
      <td class="is-gain number">{short(summary.gain)}</td>
      <td class="is-raw number">{short(summary.raw)}</td>
      <td class="is-turns number">{summary.turns}</td>
      <td class="is-tokens number">{grouped(summary.tokens)}</td>
      <td class="is-cut number">{summary.cut || ""}</td>
      <td class="is-failure">
        {summary.failure ? (
          <span class="cut">
            failed: <Text text={summary.failure.slice(0, 80)} />
          </span>
        ) : (
          summary.ended === "truncated" && "truncated"
        )}
      </td>
    </tr>
  );
}

export const placeOf = ({ run, file, tree, path }: Pick<Summary, "run" | "file" | "tree" | "path">): string =>
  link("episode", { run, file, tree, path });
