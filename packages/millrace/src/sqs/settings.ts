/**
 * Owns what the environment and the AWS config files say of region and endpoint, read as the AWS SDK reads
 * them. It never overrules an option.
 *
 * Sources: "Service-specific endpoints" and "AWS Region" in the AWS SDKs and Tools Reference Guide
 * (docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html, feature-region.html).
 */
import {
  NODE_REGION_CONFIG_FILE_OPTIONS,
  NODE_REGION_CONFIG_OPTIONS,
} from "@smithy/config-resolver";
import { loadConfig } from "@smithy/node-config-provider";
import type { LoadedConfigSelectors } from "@smithy/node-config-provider";

/** The region, from AWS_REGION, the config files, or the machine's metadata. */
export function loadRegion(): Promise<string> {
  return loadConfig(NODE_REGION_CONFIG_OPTIONS, NODE_REGION_CONFIG_FILE_OPTIONS)();
}

/** The endpoint, from AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL or the config files; undefined when there is none. */
export async function loadEndpoint(): Promise<string | undefined> {
  if (await loadConfig(ignoreEndpoints)()) return undefined;
  return loadConfig(endpointUrl)();
}

const ignoreEndpoints: LoadedConfigSelectors<boolean> = {
  environmentVariableSelector: (environment) =>
    toBoolean(environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]),
  configFileSelector: (profile) => toBoolean(profile["ignore_configured_endpoint_urls"]),
  default: false,
};

const endpointUrl: LoadedConfigSelectors<string | undefined> = {
  environmentVariableSelector: (environment) =>
    environment["AWS_ENDPOINT_URL_SQS"] || environment["AWS_ENDPOINT_URL"] || undefined,
  configFileSelector: (profile, file) => {
    // The file's reader joins a section's name and its parts, and a nested key to its parent, with a dot.
    const services = profile["services"];
    const own = services ? file?.[`services.${services}`]?.["sqs.endpoint_url"] : undefined;
    return own || profile["endpoint_url"] || undefined;
  },
  default: undefined,
};

function toBoolean(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text.toLowerCase() === "true";
}
