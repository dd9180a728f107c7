import { Suspense, lazy } from "preact/compat";
import { useId } from "preact/hooks";
import type { PanelAnswer, Summary } from "../api";
import { useAnswer } from "../hooks";
import { str } from "../rows";
import { query } from "../url";
import { Data } from "./Data";
import { Marks } from "./Marks";
import { Tests } from "./Tests";

const Voxels = lazy(() => import("./Voxels"));

export type Shown = Record<string, unknown>;

const KINDS: Record<string, (props: { data: Shown }) => preact.ComponentChild> = {
  voxels: (props) => (
    <Suspense fallback={<p class="quiet">Loading the picture …</p>}>
      <Voxels {...props} />
    </Suspense>
  ),
  marks: (props) => <Marks {...props} />,
  tests: (props) => <Tests {...props} />,
};

export interface PanelProps {
  place: Summary;
  turns: number;
  turn: number;
  turnTo?: (turn: number) => void;
}

/** What the environment itself shows of an episode; nothing where it shows nothing. */
export function Panel({ place: { run, file, tree, path }, turns, turn, turnTo }: PanelProps) {
  const id = useId();
  const answer = useAnswer<PanelAnswer>("panel", query({ run, file, tree, path, turn }));
  const panel = answer.data?.panel;
  const why = answer.error || answer.data?.why;
  if (why) return <Refused why={why} />;
  if (!answer.data) return <p class="quiet">Asking the environment …</p>;
  if (!panel) return null;
  const kind = str(panel["kind"]);
  const Kind = KINDS[kind] ?? Data;
  return (
    <section class="panel" aria-label={`What the environment shows of ${run}`}>
      <h2>{str(panel["title"]) || titleOf(kind)}</h2>
      {turnTo && turns > 1 && (
        <p class="slider">
          <label for={id}>turn {turn}</label>
          <input id={id} type="range" min={0} max={turns - 1} value={turn} onInput={(event) => turnTo(Number(event.currentTarget.value))} />
        </p>
      )}
      <Kind data={panel} />
    </section>
  );
}

const titleOf = (kind: string): string => ({ voxels: "Build", marks: "Words that count", tests: "Program" })[kind] ?? "Panel";

function Refused({ why }: { why: string }) {
  return (
    <details class="panel refused quiet">
      <summary>The environment shows no panel.</summary>
      <p>{why}</p>
    </details>
  );
}
