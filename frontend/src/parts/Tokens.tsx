import { short } from "../text";
import { Text } from "./Text";

export interface Token {
  text: string;
  logprob: number;
}

const MOST = 4000;
/** Below this many nats a token is as surprising as any. */
const SURPRISE = 6;

/** A reply token by token, darker the less likely it was when it was drawn; each says so on hover. */
export function Tokens({ tokens }: { tokens: Token[] }) {
  return (
    <pre class="said tokens" dir="auto">
      {tokens.slice(0, MOST).map((token, place) => (
        <span key={place} class={`token t${level(token.logprob)}`} title={`${short(token.logprob)} nats`}>
          <Text text={token.text} />
        </span>
      ))}
      {tokens.length > MOST && ` … ${tokens.length - MOST} more tokens`}
    </pre>
  );
}

/** Log-probabilities alone, as a strip, where a run kept no text of its tokens. */
export function Strip({ logprobs }: { logprobs: number[] }) {
  const least = logprobs.length ? Math.min(...logprobs.slice(0, MOST)) : 0;
  return (
    <div class="strip" role="img" aria-label={`${logprobs.length} tokens, the least likely ${short(least)} nats`}>
      {logprobs.slice(0, MOST).map((logprob, place) => (
        <span key={place} class={`token t${level(logprob)}`} title={`token ${place}: ${short(logprob)} nats`} />
      ))}
    </div>
  );
}

/** 0 for a certain token to 5 for a surprising one. */
export function level(logprob: number): number {
  const share = Math.min(1, Math.max(0, -logprob / SURPRISE));
  return Math.round(5 * share);
}
