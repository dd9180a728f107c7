import {
  BoxGeometry,
  BufferGeometry,
  Color,
  DirectionalLight,
  Float32BufferAttribute,
  HemisphereLight,
  InstancedMesh,
  LineBasicMaterial,
  LineSegments,
  Matrix4,
  MeshLambertMaterial,
  OrthographicCamera,
  Scene,
  Vector3,
  WebGLRenderer,
} from "three";
import type { Cell, Judged } from "./cells";

export interface Turned {
  yaw: number;
  pitch: number;
  zoom: number;
}

export const START: Turned = { yaw: 0.7, pitch: 0.55, zoom: 1 };

/** One renderer for a canvas, for as long as the canvas is there. */
export interface Stage {
  show: (cells: Judged[], target: Cell[], legend: Map<string, string>) => void;
  draw: (turned: Turned) => void;
  end: () => void;
}

interface Half {
  scene: Scene;
  end: () => void;
}

/**
 * A stage for a build and its target side by side, turned alike.
 *
 * @throws if the browser draws no WebGL.
 */
export function makeStage(canvas: HTMLCanvasElement): Stage {
  const renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
  const camera = new OrthographicCamera();
  let halves: Half[] = [];
  let place = around([]);
  const clear = () => halves.forEach((side) => side.end());
  const show: Stage["show"] = (cells, target, legend) => {
    clear();
    const wanted = target.map((cell) => ({ ...cell, verdict: "right" as const }));
    halves = [half(cells, legend, true), half(wanted, legend, false)];
    place = around([...cells, ...target]);
  };
  const draw = (turned: Turned) => {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    renderer.setPixelRatio(Math.min(2, devicePixelRatio));
    renderer.setSize(width, height, false);
    aim(camera, place.middle, place.radius / turned.zoom, width / 2 / height, turned);
    renderer.setScissorTest(true);
    for (const [number, side] of halves.entries()) {
      renderer.setViewport((number * width) / 2, 0, width / 2, height);
      renderer.setScissor((number * width) / 2, 0, width / 2, height);
      renderer.render(side.scene, camera);
    }
  };
  const end = () => {
    clear();
    renderer.dispose();
    renderer.forceContextLoss();
  };
  return { show, draw, end };
}

function half(cells: Judged[], legend: Map<string, string>, judged: boolean): Half {
  const scene = new Scene();
  const sun = new DirectionalLight(0xffffff, 1.6);
  sun.position.set(3, 6, 4);
  scene.add(new HemisphereLight(0xffffff, 0x8a8f98, 1.7), sun);
  const solid = cells.filter((cell) => cell.verdict !== "missing");
  const ghosts = cells.filter((cell) => cell.verdict === "missing");
  const wrong = solid.filter((cell) => cell.verdict !== "right");
  const parts = [boxes(solid, legend, 1), boxes(ghosts, legend, 0.16), lines(solid, EDGES, 0x20242a, 1)];
  if (judged) parts.push(lines(wrong, CROSSES, 0xd1002c, 1.01), lines(wrong, EDGES, 0xd1002c, 1.01));
  scene.add(...parts);
  const end = () => {
    for (const part of parts) {
      part.geometry.dispose();
      part.material.dispose();
    }
  };
  return { scene, end };
}

function boxes(cells: Cell[], legend: Map<string, string>, opacity: number): InstancedMesh<BoxGeometry, MeshLambertMaterial> {
  const material = new MeshLambertMaterial({ transparent: opacity < 1, opacity, depthWrite: opacity === 1 });
  const mesh = new InstancedMesh(new BoxGeometry(0.98, 0.98, 0.98), material, cells.length);
  const at = new Matrix4();
  cells.forEach((cell, place) => {
    mesh.setMatrixAt(place, at.makeTranslation(cell.x, cell.y, cell.z));
    mesh.setColorAt(place, new Color(legend.get(cell.block) ?? "#9aa0a6"));
  });
  return mesh;
}

type Point = readonly [number, number, number];
const CORNERS: Point[] = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => [bits & 1, (bits >> 1) & 1, bits >> 2]);
const PAIRS = CORNERS.flatMap((one, place) => CORNERS.slice(place + 1).map((other) => [one, other] as const));
const apart = ([one, other]: readonly [Point, Point]): number =>
  one.filter((value, axis) => value !== other[axis]).length;
/** Corners that differ in one coordinate share an edge, in two the diagonal of a face. */
const EDGES = PAIRS.filter((pair) => apart(pair) === 1).flat();
const CROSSES = PAIRS.filter((pair) => apart(pair) === 2).flat();

function lines(cells: Cell[], shape: Point[], color: number, size: number): LineSegments<BufferGeometry, LineBasicMaterial> {
  const points = cells.flatMap((cell) =>
    shape.flatMap((corner) => [cell.x, cell.y, cell.z].map((value, axis) => value + ((corner[axis] ?? 0) - 0.5) * size)),
  );
  const geometry = new BufferGeometry().setAttribute("position", new Float32BufferAttribute(points, 3));
  const faint = color === 0x20242a;
  return new LineSegments(geometry, new LineBasicMaterial({ color, transparent: faint, opacity: faint ? 0.35 : 1 }));
}

function around(cells: Cell[]): { middle: Vector3; radius: number } {
  const low = new Vector3(Infinity, Infinity, Infinity);
  const high = new Vector3(-Infinity, -Infinity, -Infinity);
  for (const { x, y, z } of cells) {
    low.min(new Vector3(x, y, z));
    high.max(new Vector3(x, y, z));
  }
  if (!cells.length) return { middle: new Vector3(), radius: 1 };
  const middle = low.clone().add(high).multiplyScalar(0.5);
  return { middle, radius: low.distanceTo(high) / 2 + 1 };
}

function aim(camera: OrthographicCamera, middle: Vector3, radius: number, aspect: number, { yaw, pitch }: Turned) {
  const tall = aspect < 1 ? radius / aspect : radius;
  camera.left = -tall * aspect;
  camera.right = tall * aspect;
  camera.top = tall;
  camera.bottom = -tall;
  camera.near = 0.1;
  camera.far = 8 * radius + 200;
  const far = 4 * radius + 50;
  const flat = far * Math.cos(pitch);
  camera.position.set(flat * Math.sin(yaw), far * Math.sin(pitch), flat * Math.cos(yaw)).add(middle);
  camera.lookAt(middle);
  camera.updateProjectionMatrix();
}
