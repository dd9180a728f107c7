import { expect, test } from "vitest";
import { link, parsePlace, values } from "../src/url";

test("a link leads back to what it was made from", () => {
  const given = { run: ["a b", "c&d"], task: "50 %?#", turn: 3 };
  const place = parsePlace(link("episode", given));
  expect(place.view).toBe("episode");
  expect(values(place.params)).toEqual({ run: ["a b", "c&d"], task: "50 %?#", turn: "3" });
});

test("an empty address is the first view, and empty values are left out", () => {
  expect(parsePlace("").view).toBe("runs");
  expect(link("episodes", { task: "", agent: undefined })).toBe("#/episodes");
});
