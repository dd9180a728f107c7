import { LongText } from "../parts/LongText";
import { Text } from "../parts/Text";
import { record, str } from "../rows";

const PASSED = /^(passed|pass|ok)$/i;

/** A program and how it did in its tests. */
export function Tests({ data }: { data: Record<string, unknown> }) {
  const tests = (Array.isArray(data["tests"]) ? data["tests"] : []).map(record);
  const passed = tests.filter(hasPassed).length;
  return (
    <>
      {tests.length > 0 && (
        <p>
          {passed} of {tests.length} tests passed
        </p>
      )}
      <ul class="tests">
        {tests.map((test, place) => (
          <li key={place} class={hasPassed(test) ? "passed" : "failed"}>
            <b>{hasPassed(test) ? "✓ passed" : `✗ ${outcomeOf(test)}`}</b>{" "}
            <code>
              <Text text={str(test["name"]) || str(test["test"]) || `test ${place + 1}`} />
            </code>
            {str(test["error"]) && (
              <p class="error" dir="auto">
                <Text text={str(test["error"]).slice(0, 2000)} />
              </p>
            )}
          </li>
        ))}
      </ul>
      {str(data["program"]) && (
        <>
          <h3>The agents’ program</h3>
          <LongText text={str(data["program"])} name="the program" />
        </>
      )}
    </>
  );
}

const hasPassed = (test: Record<string, unknown>): boolean => test["passed"] === true || PASSED.test(str(test["outcome"]));
const outcomeOf = (test: Record<string, unknown>): string => str(test["outcome"]) || "failed";
