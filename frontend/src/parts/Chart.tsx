import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Curve } from "../api";
import { inWords, joined } from "../curves";
import { useDark } from "../hooks";
import { short } from "../text";

const LIGHT = ["#1f6feb", "#b4451f", "#1a7f5a", "#8250df", "#9a6700", "#bf3989", "#116f8a", "#57606a"];
const DARK = ["#6cb6ff", "#ff9a70", "#6bd6a5", "#c9a5ff", "#e3b341", "#ff8ad0", "#65d4ee", "#b1bac4"];
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];
const HEIGHT = 190;

export const colorOf = (place: number, dark: boolean): string => (dark ? DARK : LIGHT)[place % LIGHT.length] ?? "#888";
export const dashOf = (place: number): number[] => DASHES[Math.floor(place / LIGHT.length) % DASHES.length] ?? [];

export interface ChartProps {
  title: string;
  curves: Curve[];
  /** All runs in their order, so that a run keeps its color from chart to chart. */
  runs: string[];
  onPick?: (update: number) => void;
}

/** One measure over updates, a line for each run. A click picks the update; the last values stand below in words. */
export function Chart({ title, curves, runs, onPick }: ChartProps) {
  const dark = useDark();
  const place = useRef<HTMLDivElement>(null);
  const pick = useRef(onPick);
  pick.current = onPick;
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const plot = new uPlot(options(box.clientWidth, curves, runs, dark), joined(curves), box);
    const clicked = () => pickAt(plot, pick.current);
    plot.over.addEventListener("click", clicked);
    const resized = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT }));
    resized.observe(box);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [curves, runs, dark]);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title} over updates. ${inWords(curves)}`} />
      <p class="last">{inWords(curves)}</p>
    </figure>
  );
}

function pickAt(plot: uPlot, picked?: (update: number) => void) {
  const update = plot.data[0]?.[plot.cursor.idx ?? -1];
  if (update !== undefined) picked?.(update);
}

function options(width: number, curves: Curve[], runs: string[], dark: boolean): uPlot.Options {
  const ink = dark ? "#b6bfca" : "#4c5663";
  const axis = { stroke: ink, grid: { stroke: dark ? "#30363d" : "#e3e6ea", width: 1 }, ticks: { show: false } };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { x: { time: false } },
    axes: [
      { ...axis, size: 26, font: "11px system-ui", incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000] },
      { ...axis, size: 48, font: "11px system-ui", values: (_, ticks) => ticks.map((tick) => short(tick)) },
    ],
    series: [
      {},
      ...curves.map((curve) => ({
        label: curve.run,
        stroke: colorOf(runs.indexOf(curve.run), dark),
        dash: dashOf(runs.indexOf(curve.run)),
        width: 2,
        spanGaps: true,
        points: { show: curve.value.length < 30, size: 5 },
      })),
    ],
  };
}
