import { describe, expect, test } from "vitest";
import { clipped, lineCount, pieces, short, whole } from "../src/text";

const shown = (text: string) => pieces(text).map((piece) => piece.text).join("");

describe("hidden characters", () => {
  test("terminal escapes are shown and do nothing", () => {
    expect(pieces("a\x1b[31mb")).toEqual([{ text: "a" }, { text: "<ESC>", hidden: "U+001B" }, { text: "[31mb" }]);
  });
  test.each(["\u202e", "\u2066", "\u200b", "\ufeff", "\u061c", "\u{e0041}", "\u0085", "\ud800", "\udfff"])(
    "%j is named",
    (character) => {
      const [piece] = pieces(character);
      expect(piece?.text).toMatch(/^<U\+[0-9A-F]{4,5}>$/);
    },
  );
  test("line ends, tabs, emoji of several parts and right-to-left letters stay", () => {
    const text = "a\n\tb 👩‍👩‍👧 שלום مرحبا";
    expect(pieces(text)).toEqual([{ text }]);
  });
  test("markup is a text like any other", () => {
    expect(shown("<script>alert(1)</script>")).toBe("<script>alert(1)</script>");
  });
});

describe("clipping", () => {
  test("takes whole lines, or characters of one long line", () => {
    expect(clipped("a\nb\nc", 2, 100)).toBe("a\nb");
    expect(clipped("abc", 2, 100)).toBe("abc");
    expect(clipped("x".repeat(50) + "\ny", 2, 10)).toBe("x".repeat(10));
    expect(clipped("", 2, 10)).toBe("");
  });
  test("never cuts a character in two", () => {
    expect(whole("a😀", 2)).toBe("a");
    expect(whole("a😀", 3)).toBe("a😀");
  });
  test("lines are counted as they are shown", () => {
    expect(lineCount("")).toBe(1);
    expect(lineCount("a\nb\n")).toBe(3);
  });
});

test.each([
  [null, "–"],
  [0, "0"],
  [-1.005, "−1.00"],
  [0.0004, "4.0e−4"],
  [12345678.5, "1.2e+7"],
  [64, "64"],
])("%s is written %s", (value, text) => expect(short(value)).toBe(text));
