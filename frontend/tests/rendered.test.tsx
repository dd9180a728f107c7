// @vitest-environment jsdom
import { render } from "preact";
import { act } from "preact/test-utils";
import { beforeEach, expect, test } from "vitest";
import { Conversation } from "../src/parts/Conversation";
import { LongText } from "../src/parts/LongText";
import { Tests } from "../src/panels/Tests";

let page: HTMLElement;
beforeEach(() => {
  page = document.body.appendChild(document.createElement("main"));
});

const HOSTILE = `<img src=x onerror="document.title='owned'">\x1b[2J\u202e`;

test("a reply is text: nothing in it becomes an element", () => {
  const turn = { turn: 0, observations: { a: HOSTILE }, replies: { a: HOSTILE }, failure: HOSTILE };
  act(() => render(<Conversation turns={[turn]} agents={["a"]} looks={{ wrap: true, tokens: false }} />, page));
  expect(page.querySelectorAll("img, script")).toHaveLength(0);
  expect(page.querySelector("pre.said")?.textContent).toBe(
    `<img src=x onerror="document.title='owned'"><ESC>[2J<U+202E>`,
  );
});

test("a conversation shows what a row holds and survives what it lacks", () => {
  const turn = {
    replies: { a: "hello", b: "" },
    tokens: { a: 3 },
    finish_reasons: { a: "length" },
    values: { team: 0.5 },
    targets: { team: 1 },
    advantages: { a: 1, b: 1 },
    versions: { a: 7 },
    components: { match: 0.25 },
    raw_reward: 1,
    reward: 0,
    blame: { b: 0.9 },
  };
  act(() => render(<Conversation turns={[turn, {}]} agents={["a", "b"]} looks={{ wrap: true, tokens: true }} />, page));
  const text = page.textContent ?? "";
  for (const part of ["3 tokens", "cut at limit", "V(team) 0.50 → 1", "A(all)", "version 7", "match 0.25", "blame 0.90", "learned from as 0", "(an empty reply)", "(no reply)"])
    expect(text).toContain(part);
});

test("a reply of a million characters is rendered in steps", () => {
  act(() => render(<LongText text={"x".repeat(1_000_000)} name="it" />, page));
  expect(page.textContent?.length).toBeLessThan(2000);
  const button = page.querySelector("button");
  expect(button?.textContent).toBe("40,000 more of 1,000,000 characters");
  act(() => button?.click());
  expect(page.querySelector("pre")?.textContent).toHaveLength(41_500);
});

test("tokens are colored on demand", () => {
  const turn = { replies: { a: "hi" }, token_logprobs: { a: [-0.01, -9] }, token_texts: { a: ["h", "i"] } };
  act(() => render(<Conversation turns={[turn]} agents={["a"]} looks={{ wrap: true, tokens: true }} />, page));
  expect([...page.querySelectorAll(".token")].map((token) => [token.textContent, token.className])).toEqual([
    ["h", "token t0"],
    ["i", "token t5"],
  ]);
});

test("tests tell what failed in words", () => {
  const data = { program: "def f(): pass", tests: [{ name: "one", outcome: "passed" }, { name: "two", outcome: "timeout", error: "2 s" }] };
  act(() => render(<Tests data={data} />, page));
  expect(page.textContent).toContain("1 of 2 tests passed");
  expect(page.textContent).toContain("✗ timeout two2 s");
});
