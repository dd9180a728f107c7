import type { Turn } from "../api";
import { columnsOf, logprobsOf, numberOf, record, textOf, tokensOf } from "../rows";
import { grouped, short } from "../text";
import { Band } from "./Band";
import { LongText } from "./LongText";
import { Strip, Tokens } from "./Tokens";

export interface Looks {
  wrap: boolean;
  tokens: boolean;
}

export interface ConversationProps {
  turns: Turn[];
  agents: string[];
  looks: Looks;
  at?: number;
  level?: "h2" | "h3" | "h4";
}

/** A row for each turn, a column for each agent, and under each row what it was worth. */
export function Conversation({ turns, agents, looks, at, level = "h3" }: ConversationProps) {
  const least = Math.max(...turns.map((turn) => Math.abs(numberOf({ r: { r: turn["raw_reward"] } }, "r", "r") ?? 0)), 1e-9);
  return (
    <div class={looks.wrap ? "conversation" : "conversation unwrapped"}>
      {turns.map((turn, place) => (
        <TurnRow key={place} {...{ turn, place, agents, looks, level, scale: least, current: place === at }} />
      ))}
    </div>
  );
}

interface TurnProps {
  turn: Turn;
  place: number;
  agents: string[];
  looks: Looks;
  level: "h2" | "h3" | "h4";
  scale: number;
  current: boolean;
}

function TurnRow({ turn, place, agents, looks, level: Heading, scale, current }: TurnProps) {
  const number = turn.turn ?? place;
  return (
    <div class={current ? "turn current" : "turn"} role="group" aria-label={`Turn ${number}`} data-turn={place}>
      <Heading class="turn-number">Turn {number}</Heading>
      {typeof turn["failure"] === "string" && <p class="problem">Infrastructure failed: {turn["failure"]}</p>}
      <div class="columns" style={{ "--agents": agents.length }}>
        {agents.map((agent) => (
          <Said key={agent} {...{ turn, agent, looks, number }} />
        ))}
      </div>
      <Band turn={turn} scale={scale} />
    </div>
  );
}

interface SaidProps {
  turn: Turn;
  agent: string;
  looks: Looks;
  number: number;
}

function Said({ turn, agent, looks, number }: SaidProps) {
  const seen = textOf(turn, "observations", agent);
  const reply = textOf(turn, "replies", agent);
  return (
    <article class="agent" aria-label={`${agent}, turn ${number}`}>
      <div class="agent-name">{agent}</div>
      {seen && (
        <details class="seen">
          <summary>sees {grouped(seen.length)} characters</summary>
          <LongText text={seen} name={`what ${agent} sees at turn ${number}`} />
        </details>
      )}
      <Reply {...{ turn, agent, looks, reply, name: `${agent}'s reply at turn ${number}` }} />
      <Facts turn={turn} agent={agent} />
    </article>
  );
}

function Reply({ turn, agent, looks, reply, name }: Omit<SaidProps, "number"> & { reply: string; name: string }) {
  const tokens = looks.tokens ? tokensOf(turn, agent) : null;
  const logprobs = looks.tokens && !tokens ? logprobsOf(turn, agent) : null;
  if (!reply && !tokens) return <p class="quiet">{agent in record(turn["replies"]) ? "(an empty reply)" : "(no reply)"}</p>;
  return (
    <>
      {tokens ? <Tokens tokens={tokens} /> : <LongText text={reply} name={name} />}
      {logprobs && <Strip logprobs={logprobs} />}
    </>
  );
}

/** Tokens, log-probability, version, and what else the row says of one agent. */
function Facts({ turn, agent }: { turn: Turn; agent: string }) {
  const tokens = numberOf(turn, "tokens", agent);
  const logprob = numberOf(turn, "logprobs", agent);
  const version = numberOf(turn, "versions", agent) ?? textOf(turn, "versions", agent);
  const own = numberOf(turn, "agent_rewards", agent);
  return (
    <p class="facts">
      {tokens !== null && <span>{grouped(tokens)} tokens</span>}
      {logprob !== null && <span title="log-probability of the whole reply, in nats">logp {short(logprob)}</span>}
      {version !== "" && <span>version {version}</span>}
      {own !== null && <span>own reward {short(own)}</span>}
      {columnsOf(turn, agent).map(({ key, value, blame }) => (
        <span key={key} class={blame ? "blame" : undefined}>
          {key} {short(value)}
        </span>
      ))}
      {textOf(turn, "finish_reasons", agent) === "length" && <span class="cut">cut at limit</span>}
    </p>
  );
}
