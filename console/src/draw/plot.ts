/** Lines over time, by uPlot. This module is loaded when the first chart is drawn. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const FONT = "11px system-ui, sans-serif";
/** Seconds that are shown at least. */
const SHORTEST = 60;
const CLOCK = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** A chart in an element, as large as that is. */
export class Plot {
  readonly #plot: uPlot;
  readonly #observer: ResizeObserver;
  readonly #scheme = matchMedia("(prefers-color-scheme: dark)");
  readonly #theme: MutationObserver;
  readonly #redraw = () => this.#plot.redraw(false);

  /** `color` says the colour of a line, `unit` a value in words. */
  constructor(node: HTMLElement, lines: number, color: (line: number) => string, unit: (value: number) => string) {
    const { color: ink } = getComputedStyle(node);
    const text = () => getComputedStyle(node).color || ink;
    const grid = { stroke: () => `color-mix(in srgb, ${text()} 25%, transparent)`, width: 1 };
    const axis = { stroke: text, font: FONT, grid, ticks: { show: false } };
    const values = (_: uPlot, ticks: number[]) => ticks.map((tick) => unit(tick));
    const series = Array.from({ length: lines }, (_, line) => ({
      stroke: () => color(line),
      width: 1.5,
      points: { show: false },
      spanGaps: false,
    }));
    this.#plot = new uPlot(
      {
        ...size(node),
        legend: { show: false },
        cursor: { show: false },
        padding: [6, 10, 0, 0],
        scales: {
          x: { range: (_, low, high) => [Math.min(low, high - SHORTEST), high] },
          y: { range: (_, __, high) => [0, high > 0 ? high * 1.1 : 1] },
        },
        axes: [
          { ...axis, size: 24, space: 80, values: times },
          { ...axis, size: 54, space: 36, values },
        ],
        series: [{}, ...series],
      },
      [[], ...series.map(() => [])],
      node,
    );
    this.#observer = new ResizeObserver(() => this.#plot.setSize(size(node)));
    this.#observer.observe(node);
    this.#scheme.addEventListener("change", this.#redraw);
    this.#theme = new MutationObserver(this.#redraw);
    this.#theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  /** Draws times and values. */
  draw(data: unknown): void {
    this.#plot.setData(data as uPlot.AlignedData);
  }

  end(): void {
    this.#observer.disconnect();
    this.#theme.disconnect();
    this.#scheme.removeEventListener("change", this.#redraw);
    this.#plot.destroy();
  }
}

function times(_: uPlot, ticks: number[]): string[] {
  return ticks.map((tick) => CLOCK.format(tick * 1000));
}

function size(node: HTMLElement): { width: number; height: number } {
  return { width: Math.max(120, node.clientWidth), height: Math.max(80, node.clientHeight) };
}
