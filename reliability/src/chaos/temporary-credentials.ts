/**
 * Owns credentials as a service has them that runs under a role: temporary, and new ones whenever it asks. They
 * open nothing.
 */
import type { AwsCredentialsProvider } from "millrace";

/** A provider of its own for each client: when its credentials are refused as expired, it has others. */
export function temporaryCredentials(): AwsCredentialsProvider {
  let session = 0;
  return () => {
    session += 1;
    return Promise.resolve({
      accessKeyId: `soak${session}`,
      secretAccessKey: "soak",
      sessionToken: `session-${session}`,
    });
  };
}
