import type { Curve } from "./api";
import { short } from "./text";

/** Where each curve begins and ends. */
export function inWords(curves: Curve[]): string {
  const ends = curves.filter((curve) => curve.value.length > 0);
  if (!ends.length) return "No values yet.";
  return ends.map((curve) => `${curve.run}: ${short(curve.value[0])} → ${short(curve.value.at(-1))}`).join("; ");
}

/** Columns over the union of all updates, as uPlot reads them. */
export function joined(curves: Curve[]): [number[], ...(number | null)[][]] {
  const updates = [...new Set(curves.flatMap((curve) => curve.update))].sort((one, other) => one - other);
  const columns = curves.map((curve) => {
    const at = new Map(curve.update.map((update, place) => [update, curve.value[place] ?? null]));
    return updates.map((update) => at.get(update) ?? null);
  });
  return [updates, ...columns];
}
