import { useEffect, useState } from "preact/hooks";
import type { Overview } from "../api";

export type Values = Record<string, string>;

const PAUSE = 250;

export interface FiltersProps {
  overview: Overview;
  runs: string[];
  values: Values;
  change: (values: Values) => void;
}

/** The fields that narrow the table; what is typed counts after a short pause. */
export function Filters({ overview, runs, values, change }: FiltersProps) {
  const choose = (key: string) => (value: string) => change({ ...values, [key]: value });
  const field = (key: string) => ({ value: values[key] ?? "", change: choose(key) });
  return (
    <form class="filters" role="search" aria-label="Episodes" onSubmit={(event) => event.preventDefault()}>
      <Choice label="Run" {...field("run")} value={runs.length === 1 ? (runs[0] ?? "") : ""} options={named(overview)} />
      <Typed label="Task" {...field("task")} />
      <Typed label="Words in a reply" {...field("text")} />
      <Choice label="Agent" {...field("agent")} options={overview.agents.map((name) => [name, name])} />
      <Choice label="Kind" {...field("kind")} options={KINDS} />
      <Choice label="Failure" {...field("failure")} options={FAILURES} />
      <Range label="Return" low={field("least")} high={field("most")} />
      <Range label="Turns" low={field("turns_least")} high={field("turns_most")} />
      <Range label="Update" low={field("update_least")} high={field("update_most")} />
      <button type="button" onClick={() => change({})}>
        Clear
      </button>
    </form>
  );
}

type Option = [value: string, label: string];

const named = (overview: Overview): Option[] => overview.runs.map((run) => [run.name, run.name]);

const KINDS: Option[] = [
  ["update", "update"],
  ["evaluation", "evaluation"],
  ["greedy", "greedy evaluation"],
];
const FAILURES: Option[] = [
  ["none", "none"],
  ["cut", "cut at the limit"],
  ["infrastructure", "infrastructure failed"],
  ["any", "any failure"],
];

interface FieldProps {
  label: string;
  value: string;
  change: (value: string) => void;
}

function Choice({ label, value, change, options }: FieldProps & { options: Option[] }) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => change(event.currentTarget.value)}>
        <option value="">all</option>
        {options.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What is typed so far, told once there was a pause. */
function useTyped(value: string, change: (value: string) => void) {
  const [typed, type] = useState(value);
  useEffect(() => type(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => change(typed), PAUSE);
    return () => clearTimeout(timer);
  }, [typed]);
  return { value: typed, onInput: (event: { currentTarget: HTMLInputElement }) => type(event.currentTarget.value) };
}

function Typed({ label, value, change }: FieldProps) {
  return (
    <label>
      {label}
      <input type="search" {...useTyped(value, change)} />
    </label>
  );
}

interface RangeProps {
  label: string;
  low: Omit<FieldProps, "label">;
  high: Omit<FieldProps, "label">;
}

function Range({ label, low, high }: RangeProps) {
  return (
    <fieldset>
      <legend>{label}</legend>
      <Bound label={`${label} from`} hint="from" {...low} />
      <Bound label={`${label} to`} hint="to" {...high} />
    </fieldset>
  );
}

function Bound({ label, hint, value, change }: FieldProps & { hint: string }) {
  return <input type="number" step="any" aria-label={label} placeholder={hint} {...useTyped(value, change)} />;
}
