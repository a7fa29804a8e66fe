/**
 * Owns the parts of the documentation that are generated from results: figures are never typed by hand. It never
 * touches a file.
 */
import { cases } from "./cases/all.ts";
import { caseNames } from "./cases/names.ts";
import type { CaseName } from "./cases/names.ts";
import { formatFigure } from "./metrics.ts";
import type { MetricName } from "./metrics.ts";
import { catalogue } from "./peers/catalogue.ts";
import type { PeerName } from "./peers/catalogue.ts";
import { pictures } from "./plots.ts";
import type { Results } from "./results.ts";
import { caseTable, markdown, targetTable } from "./tables.ts";
import { missingVerdicts, verdicts } from "./targets.ts";
import { busyEndpoint } from "./warnings.ts";

/** A text between `<!-- bench:name -->` and `<!-- /bench:name -->`, both on lines of their own. */
const block = /(<!-- bench:(?<name>[\w-]+) -->\n).*?(<!-- \/bench:\k<name> -->)/gs;

/**
 * The text with every block of a known name written anew.
 *
 * @throws Error when a block has another name.
 */
export function documented(text: string, results: Results): string {
  return text.replaceAll(block, (_, open: string, name: string, close: string) => {
    const write = blocks.get(name);
    if (write === undefined) throw new Error(`there is no block of the name bench:${name}`);
    return `${open}\n${write(results).trim()}\n\n${close}`;
  });
}

/** Why the documentation, which describes a whole run at full length, cannot be written from them; undefined: it can. */
export function whyUnfit(results: Results): string | undefined {
  if (results.quick) return "they are those of --quick";
  if (results.hurry > 1) return `they are those of --hurry ${results.hurry}`;
  if (results.profile) return "profiles were written meanwhile";
  const [missing] = missingVerdicts(results);
  if (missing === undefined) return undefined;
  const number = caseNames.indexOf(missing.caseName) + 1;
  return `they have no verdict on case ${number}: ${missing.text}`;
}

const blocks: ReadonlyMap<string, (results: Results) => string> = new Map([
  ["machine", machineText],
  ["targets", (results) => markdown(targetTable(verdicts(results)))],
  ["cases", casesText],
  ["peers", peersText],
  ["gains", gainsText],
]);

function machineText(results: Results): string {
  const { machine, packages, rounds, startedAt, durationSeconds } = results;
  const { cpu, cores, memoryGb, system, node, loadAverage } = machine;
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return [
    `- ${startedAt.slice(0, 10)}, ${rounds} rounds, ${Math.round(durationSeconds / 60)} minutes`,
    `- ${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}; load ${loadAverage} before the first round`,
    `- ${versions.join(", ")}`,
  ].join("\n");
}

function casesText(results: Results): string {
  return caseNames
    .map((name, index) => {
      const table = caseTable(results, name);
      const { title, how } = cases[name];
      const images = pictures
        .filter(({ caseName, metric }) => caseName === name && has(results, name, metric))
        .map((picture) => `![${picture.title}](plots/${picture.name}.svg)`);
      const text = table === undefined ? "Not measured." : markdown(table);
      const notes = busyEndpoint(results, name);
      return [`### ${index + 1}. ${title}`, how, text, ...notes, ...images].join("\n\n");
    })
    .join("\n\n");
}

function has(results: Results, caseName: CaseName, metric: MetricName): boolean {
  return results.cases[caseName]?.some(({ metrics }) => metrics[metric] !== undefined) ?? false;
}

function peersText(): string {
  const rows = Object.values(catalogue).map(({ title, options }) => `- **${title}**: ${options}`);
  return rows.join("\n");
}

/** One line of what a user of sqs-consumer would gain. */
interface Gain {
  readonly text: string;
  readonly caseName: CaseName;
  readonly metric: MetricName;
  readonly theirs: PeerName;
  readonly ours: PeerName;
  readonly unit: string;
}

const gains: readonly Gain[] = [
  gain("CPU time a message", "backlog", "cpuUs", " µs"),
  gain("requests to SQS a message", "backlog", "requests", ""),
  gain(
    "share of the possible throughput when one message in twenty is slow",
    "uneven",
    "share",
    " %",
  ),
  {
    ...gain(
      "the same, where sqs-consumer has a Consumer for each handler",
      "uneven",
      "share",
      " %",
    ),
    theirs: "sqs-consumer-single",
  },
  {
    ...gain("requests to SQS a message then", "uneven", "requests", ""),
    theirs: "sqs-consumer-single",
  },
  gain(
    "requests an hour while there is nothing to do, for 50 handlers: those of five sqs-consumers",
    "trickle",
    "idleRequests",
    "",
  ),
  gain("rows a second into Postgres, one insert a message", "database", "rows", ""),
  {
    ...gain("rows a second into Postgres, in batches", "database", "rows", ""),
    theirs: "sqs-consumer-batch",
    ours: "millrace-batch",
  },
];

function gain(text: string, caseName: CaseName, metric: MetricName, unit: string): Gain {
  return { text, caseName, metric, unit, theirs: "sqs-consumer", ours: "millrace" };
}

function gainsText(results: Results): string {
  const version = results.packages["sqs-consumer"] ?? "";
  const rows = gains.flatMap(({ text, caseName, metric, theirs, ours, unit }) => {
    const figure = (peer: PeerName): string | undefined => {
      const row = results.cases[caseName]?.find(
        (one) => one.peer === peer && one.point === undefined && one.metrics[metric],
      );
      const median = row?.metrics[metric]?.median;
      return median === undefined ? undefined : `${formatFigure(median)}${unit}`;
    };
    const [before, after] = [figure(theirs), figure(ours)];
    return before === undefined || after === undefined ? [] : [[text, before, after]];
  });
  return markdown([["", `sqs-consumer ${version}`, "millrace"], ...rows]);
}
