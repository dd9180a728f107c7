import { describe, expect, test } from "vitest";
import { joined } from "../src/curves";
import { level } from "../src/parts/Tokens";
import { best, layout } from "../src/parts/TreeWalk";
import { ROW, visible } from "../src/parts/VirtualTable";
import { segments, spansOf } from "../src/panels/Marks";
import { cellsOf, inWords, judge, legendOf } from "../src/panels/cells";

test("of a hundred thousand rows those in sight are rendered, with some to spare", () => {
  expect(visible(0, 10 * ROW, 100_000)).toEqual({ first: 0, end: 16 });
  expect(visible(50_000 * ROW, 10 * ROW, 100_000)).toEqual({ first: 49_994, end: 50_016 });
  expect(visible(99_999 * ROW, 10 * ROW, 100_000).end).toBe(100_000);
  expect(visible(5000, 300, 0)).toEqual({ first: 0, end: 0 });
});

test("curves of different updates share one axis", () => {
  const curves = [
    { run: "a", key: "k", update: [1, 3], value: [10, 30] },
    { run: "b", key: "k", update: [2], value: [5] },
  ];
  expect(joined(curves)).toEqual([
    [1, 2, 3],
    [10, null, 30],
    [null, 5, null],
  ]);
});

describe("a tree", () => {
  const node = (path: string, reward: number, leaf: string) => ({ path, reward, leaf, failure: "" });
  const nodes = [node("0", 1, "0.0"), node("0.0", 0, "0.0"), node("0.1", 4, "0.1"), node("1", 2, "1.0"), node("1.0", 1, "1.0")];
  test("stands with its turns level with their leaves", () => {
    const { placed, depth, leaves } = layout(nodes);
    expect(leaves).toEqual(["0.0", "0.1", "1.0"]);
    expect(depth).toBe(1);
    expect(placed.map(({ path, row }) => [path, row])).toEqual([["0", 0.5], ["0.0", 0], ["0.1", 1], ["1", 2], ["1.0", 2]]);
  });
  test("has a best leaf by the sum of its way", () => expect(best(nodes, ["0.0", "0.1", "1.0"])).toBe("0.1"));
});

test("a token is the darker the less likely", () => {
  expect([0, -0.1, -3, -6, -100, 0.5].map(level)).toEqual([0, 0, 3, 5, 5, 0]);
});

describe("marks", () => {
  test("count characters, not halves of them, and may overlap", () => {
    const spans = spansOf([{ start: 1, end: 3, label: "x" }, { start: 2, end: 4, label: "y" }, { start: "1" }, null]);
    expect(segments("😀abc", spans)).toEqual([
      { text: "😀", labels: [] },
      { text: "a", labels: ["x"] },
      { text: "b", labels: ["x", "y"] },
      { text: "c", labels: ["y"] },
    ]);
  });
  test("beyond the text end with it", () => {
    expect(segments("ab", [{ start: -5, end: 99, label: "x" }])).toEqual([{ text: "ab", labels: ["x"] }]);
    expect(segments("ab", [{ start: 7, end: 9, label: "x" }])).toEqual([{ text: "ab", labels: [] }]);
  });
});

describe("voxels", () => {
  test("are judged cell by cell, and any block fills a cell that wants any", () => {
    const target = cellsOf([[0, 0, 0, "stone"], [1, 0, 0, "stone"], [2, 0, 0, "any"], [3, 0, 0, "stone"]]);
    const built = cellsOf([[0, 0, 0, "stone"], [1, 0, 0, "wood"], [2, 0, 0, "wood"], [9, 9, 9, "wood"]]);
    const cells = judge(built, target);
    expect(cells.map((cell) => cell.verdict)).toEqual(["right", "wrong", "right", "extra", "missing"]);
    expect(inWords(cells, 4)).toBe("2 of 4 blocks right, 1 wrong, 1 missing, 1 extra");
  });
  test("of another shape are passed over", () => {
    expect(cellsOf([[1, 2], "x", [1, 2, "3", "stone"], [1, 2, 3]])).toEqual([{ x: 1, y: 2, z: 3, block: "" }]);
    expect(cellsOf({})).toEqual([]);
    expect(legendOf({ stone: "url(evil)" }).get("stone")).toBe("#9aa0a6");
  });
});
