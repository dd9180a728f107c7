/** Where the page stands, kept whole in the address, so that every view can be linked to. */
export interface Place {
  view: string;
  params: URLSearchParams;
}

export type Value = string | number | undefined | readonly string[];

export function parsePlace(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { view: path || "runs", params: new URLSearchParams(query) };
}

export function query(values: Record<string, Value>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (Array.isArray(value)) for (const one of value) params.append(key, one);
    else if (value !== undefined && value !== "") params.append(key, String(value));
  }
  return params.toString();
}

export function link(view: string, values: Record<string, Value> = {}): string {
  const text = query(values);
  return text ? `#/${view}?${text}` : `#/${view}`;
}

/** Every parameter, repeated ones as a list only where they repeat. */
export function values(params: URLSearchParams): Record<string, string | string[]> {
  const found: Record<string, string | string[]> = {};
  for (const key of new Set(params.keys())) {
    const all = params.getAll(key);
    found[key] = all.length > 1 ? all : (all[0] ?? "");
  }
  return found;
}
