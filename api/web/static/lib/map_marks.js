import { tone } from "./tones.js";

// Marks are told apart by their shape; their colour only helps. Each is drawn once and then copied.
const SIZE = 22;
/** @type {Record<State, string>} */
const TONES = {
  ok: "ok",
  stale: "stale",
  offline: "stale",
  unknown: "stale",
  sleeping: "stale",
  warning: "warning",
  alarm: "alarm",
};
/** @type {Map<string, HTMLCanvasElement>} */
const drawn = new Map();

export const forgetMarks = () => drawn.clear();

/**
 * Canvas with the mark of a state, `SIZE` CSS pixels wide; `chosen` has a ring.
 * @param {State} state
 * @param {boolean} chosen
 */
export function mark(state, chosen) {
  const key = `${state} ${chosen} ${devicePixelRatio}`;
  const made = drawn.get(key) ?? draw(state, chosen);
  drawn.set(key, made);
  return made;
}
mark.SIZE = SIZE;

/** @param {State} state @param {boolean} chosen */
function draw(state, chosen) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE * devicePixelRatio;
  const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  c.scale(devicePixelRatio, devicePixelRatio);
  c.translate(SIZE / 2, SIZE / 2);
  const ink = tone(TONES[state]),
    paper = tone("surface");
  c.lineJoin = c.lineCap = "round";
  if (chosen) {
    c.beginPath();
    c.arc(0, 0, 9.5, 0, 7);
    c.lineWidth = 2.5;
    c.strokeStyle = tone("text");
    c.stroke();
  }
  SHAPES[state](c, ink, paper);
  return canvas;
}

/**
 * @param {CanvasRenderingContext2D} c
 * @param {string} ink
 * @param {string} paper
 * @param {() => void} path
 * @param {boolean} filled
 */
function both(c, ink, paper, path, filled) {
  path();
  c.lineWidth = 4;
  c.strokeStyle = paper;
  c.stroke();
  c.fillStyle = filled ? ink : paper;
  c.fill();
  c.lineWidth = 1.8;
  c.strokeStyle = ink;
  c.stroke();
}

/** @param {CanvasRenderingContext2D} c @param {number} r */
const circle = (c, r) => () => {
  c.beginPath();
  c.arc(0, 0, r, 0, 7);
};
/** @param {CanvasRenderingContext2D} c @param {number} r */
const square = (c, r) => () => {
  c.beginPath();
  c.rect(-r, -r, 2 * r, 2 * r);
};
/** @param {CanvasRenderingContext2D} c */
const triangle = (c) => () => {
  c.beginPath();
  c.moveTo(0, -6.5);
  c.lineTo(6.8, 5.2);
  c.lineTo(-6.8, 5.2);
  c.closePath();
};

/** @type {Record<State, (c: CanvasRenderingContext2D, ink: string, paper: string) => void>} */
const SHAPES = {
  ok: (c, ink, paper) => both(c, ink, paper, circle(c, 4.2), true),
  stale: (c, ink, paper) => {
    both(c, ink, paper, circle(c, 5.2), false);
    c.beginPath();
    c.moveTo(0, -2.8);
    c.lineTo(0, 0);
    c.lineTo(2.2, 1.4);
    c.stroke();
  },
  unknown: (c, ink, paper) => {
    both(c, ink, paper, circle(c, 5.2), false);
    c.beginPath();
    c.arc(0, 0, 1.6, 0, 7);
    c.fillStyle = ink;
    c.fill();
  },
  sleeping: (c, ink, paper) => {
    both(c, ink, paper, circle(c, 5.2), false);
    c.beginPath();
    c.arc(0, 0, 5, Math.PI / 2, -Math.PI / 2);
    c.fillStyle = ink;
    c.fill();
  },
  offline: (c, ink, paper) => {
    both(c, ink, paper, square(c, 4.8), false);
    c.beginPath();
    c.moveTo(-2.4, -2.4);
    c.lineTo(2.4, 2.4);
    c.moveTo(2.4, -2.4);
    c.lineTo(-2.4, 2.4);
    c.stroke();
  },
  warning: (c, ink, paper) => {
    both(c, ink, paper, triangle(c), false);
    c.beginPath();
    c.moveTo(0, -2);
    c.lineTo(0, 1.4);
    c.moveTo(0, 3.4);
    c.lineTo(0, 3.5);
    c.stroke();
  },
  alarm: (c, ink, paper) => both(c, ink, paper, triangle(c), true),
};

/**
 * Draw a cluster: how many, and under it how many of them are unwell. Returns its half size for the pointer.
 * @param {CanvasRenderingContext2D} c
 * @param {number} x
 * @param {number} y
 * @param {number} count
 * @param {number} unwell
 * @param {State} gravest
 */
export function drawCluster(c, x, y, count, unwell, gravest) {
  const text = count.toLocaleString(document.documentElement.lang);
  const half = Math.max(15, 8 + text.length * 4);
  c.save();
  c.translate(x, y);
  c.beginPath();
  c.roundRect(-half, -13, 2 * half, 26, 13);
  c.fillStyle = tone("surface");
  c.fill();
  c.lineWidth = 2;
  c.strokeStyle = tone(unwell ? TONES[gravest] : "quiet");
  c.stroke();
  c.fillStyle = tone("text");
  c.font = "600 13px system-ui, sans-serif";
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText(text, 0, 0.5);
  if (unwell) {
    const some = unwell.toLocaleString(document.documentElement.lang),
      wide = 18 + some.length * 7;
    c.beginPath();
    c.roundRect(half - 8, -24, wide, 18, 9);
    c.fillStyle = tone(TONES[gravest]);
    c.fill();
    c.lineWidth = 1.5;
    c.strokeStyle = tone("surface");
    c.stroke();
    c.fillStyle = tone("surface");
    c.beginPath();
    c.moveTo(half - 1, -19.5);
    c.lineTo(half + 3.5, -11.5);
    c.lineTo(half - 5.5 + 1, -11.5);
    c.closePath();
    c.fill();
    c.font = "600 11px system-ui, sans-serif";
    c.textAlign = "left";
    c.fillText(some, half + 4.5, -14.8);
  }
  c.restore();
  return half;
}
