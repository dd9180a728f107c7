/** What the server answers. Rows of episodes are passed on as they lie in the file, so any key may be absent. */
export interface Run {
  name: string;
  environment: string;
  algorithm: string;
  agents: string[];
  updates: number;
  planned: number;
  finished: boolean;
  episodes: number;
  returns: (number | null)[];
  failures: number;
  keys: string[];
}

export interface Overview {
  runs: Run[];
  keys: string[];
  agents: string[];
}

export interface Curve {
  run: string;
  key: string;
  update: number[];
  value: number[];
}

export interface Summary {
  id: number;
  run: string;
  file: string;
  number: number | null;
  kind: string;
  tree: number;
  path: string;
  task: string;
  turns: number;
  gain: number | null;
  raw: number | null;
  tokens: number;
  cut: number;
  failure: string;
  ended: string;
}

export interface Listed {
  total: number;
  rows: Summary[];
}

export interface Turn {
  turn?: number;
  [key: string]: unknown;
}

export interface Node {
  path: string;
  reward: number | null;
  leaf: string;
  failure: string;
}

export interface Beside {
  tree: number;
  path: string;
}

export interface Episode {
  summary: Summary;
  agents: string[];
  turns: Turn[];
  tree: Node[];
  previous: Beside | null;
  next: Beside | null;
}

export interface SharedTask {
  task: string;
  episodes: number;
  left_mean: number | null;
  right_mean: number | null;
}

export interface PanelAnswer {
  panel: Record<string, unknown> | null;
  why: string;
}

/** Ask the server; its errors become errors with its own message. */
export async function ask<T>(what: string, query = "", signal?: AbortSignal): Promise<T> {
  const answer = await fetch(`/api/${what}${query ? `?${query}` : ""}`, { signal: signal ?? null });
  const data = (await answer.json()) as T & { error?: string };
  if (!answer.ok) throw new Error(data.error ?? `The server answered ${answer.status}.`);
  return data;
}
