import { num, record, str } from "../rows";

/** A cell and the block it holds; y points up. */
export interface Cell {
  x: number;
  y: number;
  z: number;
  block: string;
}

export type Verdict = "right" | "wrong" | "extra" | "missing";

export interface Judged extends Cell {
  verdict: Verdict;
}

const ANY = "any";
const MOST = 60_000;
const key = ({ x, y, z }: Cell): string => `${x},${y},${z}`;

export function cellsOf(value: unknown): Cell[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MOST).flatMap((cell) => {
    if (!Array.isArray(cell)) return [];
    const [x, y, z] = cell.slice(0, 3).map(num);
    return typeof x !== "number" || typeof y !== "number" || typeof z !== "number" ? [] : [{ x, y, z, block: str(cell[3]) }];
  });
}

/** Every cell of the build and of its target: right, wrong (another block), extra (none wanted) or missing. */
export function judge(built: Cell[], target: Cell[]): Judged[] {
  const wanted = new Map(target.map((cell) => [key(cell), cell.block]));
  const there = new Set(built.map(key));
  const verdict = (cell: Cell): Verdict => {
    const block = wanted.get(key(cell));
    return block === undefined ? "extra" : block === ANY || block === cell.block ? "right" : "wrong";
  };
  return [
    ...built.map((cell) => ({ ...cell, verdict: verdict(cell) })),
    ...target.filter((cell) => !there.has(key(cell))).map((cell) => ({ ...cell, verdict: "missing" as const })),
  ];
}

export function inWords(cells: Judged[], target: number): string {
  const count = (verdict: Verdict) => cells.filter((cell) => cell.verdict === verdict).length;
  return `${count("right")} of ${target} blocks right, ${count("wrong")} wrong, ${count("missing")} missing, ${count("extra")} extra`;
}

/** The colors of blocks; what is no color of six digits is grey. */
export function legendOf(value: unknown): Map<string, string> {
  return new Map(
    Object.entries(record(value)).map(([block, color]) => [block, /^#[0-9a-f]{6}$/i.test(str(color)) ? str(color) : "#9aa0a6"]),
  );
}
