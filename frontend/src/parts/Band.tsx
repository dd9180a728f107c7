import type { Turn } from "../api";
import { agreed, num, numbers, record } from "../rows";
import { short } from "../text";

/** What a joint turn was worth: its reward by component, values and targets, advantages, metrics. */
export function Band({ turn, scale }: { turn: Turn; scale: number }) {
  const raw = num(turn["raw_reward"]);
  const reward = num(turn["reward"]);
  const metrics = numbers(turn["metrics"]);
  return (
    <div class="band">
      <span class="worth">
        <b>reward</b> <Bar value={raw ?? reward} scale={scale} />
        <b>{short(raw ?? reward)}</b>
        {raw !== null && reward !== null && raw !== reward && <span class="quiet"> learned from as {short(reward)}</span>}
      </span>
      {numbers(turn["components"]).map(([name, value]) => (
        <span key={name}>
          {name} {short(value)}
        </span>
      ))}
      {numbers(turn["values"]).map(([critic, value]) => (
        <span key={critic}>
          V({critic}) {short(value)} → {short(num(record(turn["targets"])[critic]))}
        </span>
      ))}
      {agreed(numbers(turn["advantages"])).map(([agent, value]) => (
        <span key={agent}>
          A({agent}) <Bar value={value} scale={3} /> {short(value)}
        </span>
      ))}
      {turn["terminated"] === true && <span class="quiet">ends here</span>}
      {turn["truncated"] === true && <span class="quiet">cut off here</span>}
      {metrics.length > 0 && (
        <details class="metrics">
          <summary>{metrics.length} metrics</summary>
          {metrics.map(([name, value]) => (
            <span key={name}>
              {name} {short(value)}
            </span>
          ))}
        </details>
      )}
    </div>
  );
}

/** A bar by size, its color by sign; the number beside it says the same. */
export function Bar({ value, scale }: { value: number | null; scale: number }) {
  const share = Math.min(1, Math.abs(value ?? 0) / scale);
  return (
    <svg class={(value ?? 0) < 0 ? "bar minus" : "bar"} width={48 * share + 1} height="9" aria-hidden="true">
      <rect width="100%" height="100%" />
    </svg>
  );
}
