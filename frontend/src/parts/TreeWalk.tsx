import type { Node } from "../api";
import { short } from "../text";

export interface TreeWalkProps {
  nodes: Node[];
  /** The leaf that is shown. */
  path: string;
  go: (leaf: string) => void;
}

export interface Placed extends Node {
  depth: number;
  /** In leaves from the top. */
  row: number;
}

/** Where every turn stands: as deep as its path, level with the middle of its leaves. */
export function layout(nodes: Node[]): { placed: Placed[]; depth: number; leaves: string[] } {
  const parents = new Set(nodes.map((node) => parentOf(node.path)));
  const leaves = nodes.filter((node) => !parents.has(node.path)).map((node) => node.path);
  const sums = new Map<string, { sum: number; count: number }>();
  leaves.forEach((leaf, row) => {
    for (let path = leaf; path; path = parentOf(path)) {
      const at = sums.get(path) ?? { sum: 0, count: 0 };
      sums.set(path, { sum: at.sum + row, count: at.count + 1 });
    }
  });
  const placed = nodes.map((node) => {
    const at = sums.get(node.path) ?? { sum: 0, count: 1 };
    return { ...node, depth: node.path.split(".").length - 1, row: at.sum / at.count };
  });
  return { placed, depth: Math.max(0, ...placed.map((node) => node.depth)), leaves };
}

export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf(".")));

/** The tree of a rollout: a picture to click into, and buttons that walk it by keyboard. */
export function TreeWalk({ nodes, path, go }: TreeWalkProps) {
  const { placed, depth, leaves } = layout(nodes);
  const place = leaves.indexOf(path);
  if (leaves.length < 2) return null;
  return (
    <section class="tree" aria-label="Rollout tree">
      <h2>Tree</h2>
      <p>
        Episode {place + 1} of {leaves.length} in this tree.
      </p>
      <div class="walk">
        <button disabled={place <= 0} onClick={() => go(leaves[place - 1] ?? path)}>
          ↑ leaf above
        </button>
        <button disabled={place >= leaves.length - 1} onClick={() => go(leaves[place + 1] ?? path)}>
          ↓ leaf below
        </button>
        <button onClick={() => go(best(placed, leaves))}>best leaf</button>
      </div>
      <Picture placed={placed} depth={depth} leaves={leaves.length} path={path} go={go} />
    </section>
  );
}

/** The leaf with the greatest sum of rewards on the way. */
export function best(nodes: Node[], ends: string[]): string {
  const reward = new Map(nodes.map((node) => [node.path, node.reward ?? 0]));
  const total = (leaf: string): number => {
    let sum = 0;
    for (let path = leaf; path; path = parentOf(path)) sum += reward.get(path) ?? 0;
    return sum;
  };
  return ends.reduce((one, other) => (total(other) > total(one) ? other : one), ends[0] ?? "");
}

interface PictureProps {
  placed: Placed[];
  depth: number;
  leaves: number;
  path: string;
  go: (leaf: string) => void;
}

function Picture({ placed, depth, leaves, path, go }: PictureProps) {
  const tall = Math.max(8, Math.min(22, 640 / leaves));
  const wide = Math.max(46, 240 / Math.max(1, depth + 1));
  const x = (node: Placed) => 12 + node.depth * wide;
  const y = (node: Placed) => 12 + node.row * tall;
  const at = new Map(placed.map((node) => [node.path, node]));
  const rewards = placed.map((node) => node.reward ?? 0);
  const [low, high] = [Math.min(...rewards), Math.max(...rewards)];
  const onWay = (node: Placed) => path === node.path || path.startsWith(`${node.path}.`);
  return (
    <div class="wide" role="region" aria-label="Picture of the tree" tabIndex={0}>
      <svg width={60 + depth * wide} height={24 + (leaves - 1) * tall} class="tree-picture" aria-hidden="true">
        {placed.map((node) => {
          const parent = at.get(parentOf(node.path));
          return parent ? (
            <path
              key={node.path}
              class={onWay(node) ? "edge way" : "edge"}
              d={`M${x(parent)} ${y(parent)} C${x(parent) + wide / 2} ${y(parent)} ${x(node) - wide / 2} ${y(node)} ${x(node)} ${y(node)}`}
            />
          ) : null;
        })}
        {placed.map((node) => (
          <circle
            key={node.path}
            class={onWay(node) ? "node way" : "node"}
            cx={x(node)}
            cy={y(node)}
            r={2 + (Math.min(7, tall / 2) - 2) * (high > low ? ((node.reward ?? low) - low) / (high - low) : 1)}
            onClick={() => go(node.leaf)}
          >
            <title>{`${node.path}: reward ${short(node.reward)}`}</title>
          </circle>
        ))}
      </svg>
    </div>
  );
}
