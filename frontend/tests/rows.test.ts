import { describe, expect, test } from "vitest";
import { agreed, columnsOf, hasTokens, logprobsOf, numbers, textOf, tokensOf } from "../src/rows";

describe("rows of any shape", () => {
  test.each([[{}], [{ replies: null }], [{ replies: [1] }], [{ replies: { a: 3 } }]])("%j has no reply", (turn) => {
    expect(textOf(turn, "replies", "a")).toBe("");
  });
  test("only finite numbers are numbers", () => {
    expect(numbers({ a: 1, b: "2", c: null, d: Infinity })).toEqual([["a", 1]]);
    expect(numbers(null)).toEqual([]);
  });
});

describe("tokens", () => {
  const turn = { token_logprobs: { a: [-0.1, -3] }, token_texts: { a: ["he", "llo"] } };
  test("come with their texts where a row has both", () => {
    expect(tokensOf(turn, "a")).toEqual([
      { text: "he", logprob: -0.1 },
      { text: "llo", logprob: -3 },
    ]);
  });
  test("are a strip of numbers where it has no texts, and absent where the numbers are broken", () => {
    expect(tokensOf({ token_logprobs: turn.token_logprobs }, "a")).toBeNull();
    expect(logprobsOf({ token_logprobs: turn.token_logprobs }, "a")).toEqual([-0.1, -3]);
    expect(hasTokens([{ token_logprobs: { a: [null] } }], ["a"])).toBe(false);
  });
});

test("numbers that a row has by agent become columns, blame among them", () => {
  const turn = { tokens: { a: 3 }, blame: { a: 0.75 }, entropy: { a: 1.5, b: 2 }, replies: { a: "x" } };
  expect(columnsOf(turn, "a")).toEqual([
    { key: "blame", value: 0.75, blame: true },
    { key: "entropy", value: 1.5, blame: false },
  ]);
});

test("a number that all agents share is told once", () => {
  expect(agreed([["a", 1], ["b", 1]])).toEqual([["all", 1]]);
  expect(agreed([["a", 1], ["b", 2]])).toEqual([["a", 1], ["b", 2]]);
  expect(agreed([["a", 1]])).toEqual([["a", 1]]);
});
