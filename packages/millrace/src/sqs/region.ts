/**
 * Owns what regions and hosts say of each other: the region in a host's name, and the host of SQS in a
 * region. It never reads settings.
 */

/** Hosts of SQS, old and new: regional, FIPS, dual-stack, VPC endpoint, and the names before those. */
const hostsOfSqs: readonly RegExp[] = [
  /^sqs(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.|api\.|c2s\.|sc2s\.|cloud\.|csp\.)/,
  /\.sqs(?:-fips)?\.([a-z0-9-]+)\.vpce\.amazonaws\./,
  /^([a-z]{2}-[a-z0-9-]+)\.queue\.amazonaws\./,
];

/** The region that a host of SQS is in, or undefined when it is not AWS's or does not say. */
export function regionOfHost(hostname: string): string | undefined {
  const host = hostname.toLowerCase();
  if (host === "queue.amazonaws.com") return "us-east-1";
  for (const pattern of hostsOfSqs) {
    const region = pattern.exec(host)?.[1];
    if (region !== undefined) return region;
  }
  return undefined;
}

/** Partitions that do not end in amazonaws.com, by how their regions begin. */
const suffixes: ReadonlyArray<readonly [prefix: string, suffix: string]> = [
  ["cn-", "amazonaws.com.cn"],
  ["us-isob-", "sc2s.sgov.gov"],
  ["us-isof-", "csp.hci.ic.gov"],
  ["us-iso-", "c2s.ic.gov"],
  ["eu-isoe-", "cloud.adc-e.uk"],
  ["eusc-", "amazonaws.eu"],
];

/** The endpoint of SQS in a region. */
export function endpointOfRegion(region: string): URL {
  const suffix = suffixes.find(([prefix]) => region.startsWith(prefix))?.[1] ?? "amazonaws.com";
  return new URL(`https://sqs.${region}.${suffix}`);
}

/** Whether a text can be a region, and thus a part of a host's name. */
export function isRegion(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
