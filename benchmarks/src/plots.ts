/**
 * Owns the plots: SVG files drawn from results. It never measures, and draws nothing that a table does not say.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { CaseName } from "./cases/names.ts";
import { formatFigure, headOf } from "./metrics.ts";
import type { MetricName } from "./metrics.ts";
import { catalogue } from "./peers/catalogue.ts";
import type { Point, Results, Row } from "./results.ts";

/** A picture and where its figures come from. */
interface Picture {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly caseName: CaseName;
  readonly metric: MetricName;
  /** Undefined: bars, one a peer. Else lines along this axis. */
  readonly axis?: Point["axis"];
}

export const pictures: readonly Picture[] = [
  {
    name: "backlog-cpu",
    title: "What a message costs its consumer",
    caseName: "backlog",
    metric: "cpuUs",
  },
  {
    name: "uneven-share",
    title: "Throughput when one message in twenty is slow",
    caseName: "uneven",
    metric: "share",
  },
  {
    name: "trickle-p99",
    title: "From send to handler, 99th percentile",
    caseName: "trickle",
    metric: "p99Ms",
  },
  {
    name: "trickle-idle",
    title: "Requests while there is nothing to do",
    caseName: "trickle",
    metric: "idleRequests",
  },
  { name: "database-rows", title: "Rows into Postgres", caseName: "database", metric: "rows" },
  {
    name: "cpu-bound-rate",
    title: "Handlers that compute for 20 ms",
    caseName: "cpu-bound",
    metric: "rate",
  },
  {
    name: "growth-messages",
    title: "CPU a message, by messages handled",
    caseName: "growth",
    metric: "cpuUs",
    axis: "messages",
  },
  {
    name: "growth-heap",
    title: "Memory, by messages handled",
    caseName: "growth",
    metric: "heapMb",
    axis: "messages",
  },
  {
    name: "growth-workers",
    title: "CPU a message, by workers",
    caseName: "growth",
    metric: "cpuUs",
    axis: "workers",
  },
  {
    name: "growth-queues",
    title: "CPU a message, by queues in one process",
    caseName: "growth",
    metric: "cpuUs",
    axis: "queues",
  },
  { name: "producer-cpu", title: "What a send costs", caseName: "producer", metric: "cpuUs" },
];

/** One figure of one row. */
interface Datum {
  readonly who: string;
  readonly own: boolean;
  readonly at: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

const colors = { own: "#0b6e99", other: "#a9b4bd", spread: "#30363b", text: "#24292f" } as const;
const width = 760;
const rowHeight = 30;

/** Draws what the results have figures for; answers the names of the files. */
export async function writePlots(results: Results, folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const written: string[] = [];
  for (const picture of pictures) {
    const data = dataOf(results, picture);
    if (data.length === 0) continue;
    const file = `${picture.name}.svg`;
    await writeFile(join(folder, file), svgOf(picture, data));
    written.push(file);
  }
  return written;
}

function dataOf(results: Results, { caseName, metric, axis }: Picture): readonly Datum[] {
  const rows = results.cases[caseName] ?? [];
  return rows.flatMap((row: Row) => {
    const figure = row.metrics[metric];
    if (figure === undefined || row.point?.axis !== axis) return [];
    const { title } = catalogue[row.peer];
    return [
      { who: title, own: title.startsWith("millrace"), at: row.point?.value ?? 0, ...figure },
    ];
  });
}

function svgOf(picture: Picture, data: readonly Datum[]): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const drawn = picture.axis === undefined ? bars(picture, data) : lines(picture, data);
  const options = { ...drawn, document, width, marginTop: 58, style: style() };
  const svg = Plot.plot(options);
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  // Readable on dark pages as well.
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ width: "100%", height: "100%", fill: "white" })) {
    paper.setAttribute(name, value);
  }
  svg.insertBefore(paper, svg.firstChild);
  return `${svg.outerHTML}\n`;
}

function style(): Record<string, string> {
  return { fontSize: "13px", fontFamily: "system-ui, sans-serif", color: colors.text };
}

/** The title, and below it what is drawn. */
function headings({ title, metric }: Picture, note: string, marginLeft: number): Plot.Markish[] {
  const at = { frameAnchor: "top-left", dx: -marginLeft + 14, textAnchor: "start" } as const;
  return [
    Plot.text([title], { ...at, dy: -44, fontSize: 16, fontWeight: "bold" }),
    Plot.text([`${headOf(metric)}${note}`], { ...at, dy: -25, fill: "#57606a" }),
  ];
}

function bars(picture: Picture, data: readonly Datum[]): Plot.PlotOptions {
  const sorted = data.toSorted((a, b) => a.median - b.median);
  const marginLeft = 210;
  return {
    height: 58 + 34 + rowHeight * data.length,
    marginLeft,
    marginRight: 70,
    x: { label: null, grid: true, ticks: 6, zero: true },
    y: { label: null, domain: sorted.map(({ who }) => who), tickSize: 0 },
    marks: [
      Plot.barX(sorted, {
        x: "median",
        y: "who",
        fill: ({ own }: Datum) => (own ? colors.own : colors.other),
        insetTop: 3,
        insetBottom: 3,
      }),
      Plot.ruleY(sorted, {
        y: "who",
        x1: "min",
        x2: "max",
        stroke: colors.spread,
        strokeWidth: 1.5,
      }),
      Plot.text(sorted, {
        x: "max",
        y: "who",
        text: ({ median }: Datum) => formatFigure(median),
        textAnchor: "start",
        dx: 7,
      }),
      ...headings(picture, "; the line is from the least to the most of all rounds", marginLeft),
    ],
  };
}

function lines(picture: Picture, data: readonly Datum[]): Plot.PlotOptions {
  const { axis = "" } = picture;
  const marginLeft = 60;
  const stroke = ({ own }: Datum): string => (own ? colors.own : "#8a6d3b");
  const last = new Map(data.map((datum) => [datum.who, datum]));
  return {
    height: 320,
    marginLeft,
    marginRight: 110,
    marginBottom: 44,
    x: {
      type: "log",
      axis: null,
    },
    y: { label: null, grid: true, zero: true, ticks: 6 },
    marks: [
      Plot.axisX([...new Set(data.map(({ at }) => at))], {
        tickFormat: (value: number) => value.toLocaleString("en-GB"),
        label: axis,
        labelAnchor: "center",
        labelArrow: "none",
      }),
      Plot.ruleX(data, { x: "at", y1: "min", y2: "max", stroke }),
      Plot.lineY(data, { x: "at", y: "median", z: "who", stroke, strokeWidth: 2 }),
      Plot.dot(data, { x: "at", y: "median", fill: stroke, r: 3.5 }),
      Plot.text([...last.values()], {
        x: "at",
        y: "median",
        text: "who",
        fill: stroke,
        textAnchor: "start",
        dx: 9,
      }),
      ...headings(picture, `; from 0, and ${axis} on a logarithmic scale`, marginLeft),
    ],
  };
}
