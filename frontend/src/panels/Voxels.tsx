import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { makeStage, START, type Stage, type Turned } from "./scene";
import { cellsOf, inWords, judge, legendOf, type Judged } from "./cells";

const STEP = 0.18;
const KEYS: Record<string, (turned: Turned) => Turned> = {
  ArrowLeft: (turned) => ({ ...turned, yaw: turned.yaw - STEP }),
  ArrowRight: (turned) => ({ ...turned, yaw: turned.yaw + STEP }),
  ArrowUp: (turned) => tilted(turned, STEP),
  ArrowDown: (turned) => tilted(turned, -STEP),
  "+": (turned) => zoomed(turned, 1.2),
  "=": (turned) => zoomed(turned, 1.2),
  "-": (turned) => zoomed(turned, 1 / 1.2),
  Home: () => START,
};

const tilted = (turned: Turned, by: number): Turned => ({ ...turned, pitch: Math.max(-1.5, Math.min(1.5, turned.pitch + by)) });
const zoomed = (turned: Turned, by: number): Turned => ({ ...turned, zoom: Math.max(0.3, Math.min(8, turned.zoom * by)) });

/** A build beside its target in 3-D, turned by mouse, finger and keyboard; the same in words below. */
export default function Voxels({ data }: { data: Record<string, unknown> }) {
  const target = useMemo(() => cellsOf(data["target"]), [data]);
  const cells = useMemo(() => judge(cellsOf(data["built"]), target), [data]);
  const legend = useMemo(() => legendOf(data["legend"]), [data]);
  const [turned, turn] = useState(START);
  const canvas = useRef<HTMLCanvasElement>(null);
  const stage = useStage(canvas);
  useEffect(() => stage?.show(cells, target, legend), [stage, cells, target, legend]);
  useEffect(() => stage?.draw(turned), [stage, turned, cells, target, legend]);
  useResized(canvas, () => stage?.draw(turned));
  const words = inWords(cells, target.length);
  return (
    <>
      <p class="halves">
        <span>built</span>
        <span>target</span>
      </p>
      {stage === null ? (
        <p class="quiet">This browser draws no WebGL.</p>
      ) : (
        <canvas
          ref={canvas}
          class="voxels"
          tabIndex={0}
          role="img"
          aria-label={`The build beside its target: ${words}. Arrow keys turn both, plus and minus zoom, Home resets.`}
          onKeyDown={(event) => pressed(event, turn)}
          onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
          onPointerMove={(event) => dragged(event, turn)}
          onWheel={(event) => wheeled(event, turn)}
        />
      )}
      <p>{words}.</p>
      <p class="quiet">Drag or arrow keys turn both; ctrl and wheel, + and − zoom. Red crosses: wrong or extra; pale: missing.</p>
      <Faults cells={cells} />
    </>
  );
}

/** A stage once the canvas is there; `null` if this browser cannot have one. */
function useStage(canvas: { current: HTMLCanvasElement | null }): Stage | null | undefined {
  const [stage, set] = useState<Stage | null | undefined>(undefined);
  useEffect(() => {
    if (!canvas.current) return;
    try {
      const made = makeStage(canvas.current);
      set(made);
      return () => made.end();
    } catch {
      set(null);
      return;
    }
  }, []);
  return stage;
}

function useResized(canvas: { current: HTMLCanvasElement | null }, draw: () => void) {
  const latest = useRef(draw);
  latest.current = draw;
  useEffect(() => {
    if (!canvas.current) return;
    const resized = new ResizeObserver(() => latest.current());
    resized.observe(canvas.current);
    return () => resized.disconnect();
  }, []);
}

type Turning = (change: (turned: Turned) => Turned) => void;

function pressed(event: KeyboardEvent, turn: Turning) {
  const change = KEYS[event.key];
  if (!change) return;
  event.preventDefault();
  turn(change);
}

function dragged(event: PointerEvent, turn: Turning) {
  if (!event.buttons) return;
  const { movementX, movementY } = event;
  turn((turned) => tilted({ ...turned, yaw: turned.yaw - movementX * 0.01 }, movementY * 0.01));
}

function wheeled(event: WheelEvent, turn: Turning) {
  if (!event.ctrlKey) return;
  event.preventDefault();
  turn((turned) => zoomed(turned, Math.exp(-event.deltaY * 0.002)));
}

const MOST = 200;

/** The cells that are not right, for those who do not see the picture. */
function Faults({ cells }: { cells: Judged[] }) {
  const faults = cells.filter((cell) => cell.verdict !== "right");
  if (!faults.length) return null;
  return (
    <details>
      <summary>the {faults.length} cells that are not right</summary>
      <ul class="faults">
        {faults.slice(0, MOST).map((cell) => (
          <li key={`${cell.x},${cell.y},${cell.z}`}>
            {cell.x} {cell.y} {cell.z}: {cell.block}, {cell.verdict}
          </li>
        ))}
        {faults.length > MOST && <li>and {faults.length - MOST} more</li>}
      </ul>
    </details>
  );
}
