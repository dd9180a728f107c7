import type { Turn } from "./api";
import type { Token } from "./parts/Tokens";

/** Reads rows of episodes, in which any key may be absent or of another shape. */
export type Numbers = [name: string, value: number][];

export const record = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

export const num = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;

export const str = (value: unknown): string => (typeof value === "string" ? value : "");

export function numbers(value: unknown): Numbers {
  return Object.entries(record(value)).filter((pair): pair is [string, number] => num(pair[1]) !== null);
}

const of = (turn: Turn, key: string, agent: string): unknown => record(turn[key])[agent];

export const textOf = (turn: Turn, key: string, agent: string): string => str(of(turn, key, agent));
export const numberOf = (turn: Turn, key: string, agent: string): number | null => num(of(turn, key, agent));

/** Tokens with their texts and log-probabilities; `null` where the row does not hold both. */
export function tokensOf(turn: Turn, agent: string): Token[] | null {
  const logprobs = logprobsOf(turn, agent);
  const texts = of(turn, "token_texts", agent);
  if (!logprobs || !Array.isArray(texts) || texts.length !== logprobs.length) return null;
  return texts.map((text, place) => ({ text: str(text), logprob: logprobs[place] ?? 0 }));
}

export function logprobsOf(turn: Turn, agent: string): number[] | null {
  const found = of(turn, "token_logprobs", agent);
  return Array.isArray(found) && found.length > 0 && found.every((one) => num(one) !== null) ? found : null;
}

export const hasTokens = (turns: Turn[], agents: string[]): boolean =>
  turns.some((turn) => agents.some((agent) => logprobsOf(turn, agent)));

const KNOWN = new Set(["tokens", "logprobs", "agent_rewards", "advantages", "versions", "actions"]);
const BLAME = /blame|attribut|credit|caused/i;

export interface Column {
  key: string;
  value: number;
  blame: boolean;
}

/** Other numbers that a row has for an agent, such as attribution where it was computed. */
export function columnsOf(turn: Turn, agent: string): Column[] {
  return Object.keys(turn)
    .filter((key) => !KNOWN.has(key) && numberOf(turn, key, agent) !== null)
    .map((key) => ({ key, value: numberOf(turn, key, agent) ?? 0, blame: BLAME.test(key) }));
}

/** One number if all agree, else each by name. */
export function agreed(values: Numbers): Numbers {
  const first = values[0];
  return first && values.length > 1 && values.every(([, value]) => value === first[1]) ? [["all", first[1]]] : values;
}
