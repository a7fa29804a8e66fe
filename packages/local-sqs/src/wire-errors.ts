/**
 * Owns how an error looks on the wire: status, body and headers of a refusal in AWS JSON 1.0. It never
 * decides what is an error.
 */
import type { SqsServiceError } from "millrace";

/** A refusal, ready to be written. */
export interface WireError {
  readonly statusCode: number;
  /** `x-amzn-query-error`: the name of the older query protocol, and whose fault it is. */
  readonly queryError: string;
  readonly body: string;
}

/**
 * Names of SQS's own errors whose name in the query protocol is another one: the awsQueryError traits of
 * AWS's model of the service, which its SDKs carry.
 */
const queryNames: Readonly<Record<string, string>> = {
  BatchEntryIdsNotDistinct: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
  BatchRequestTooLong: "AWS.SimpleQueueService.BatchRequestTooLong",
  EmptyBatchRequest: "AWS.SimpleQueueService.EmptyBatchRequest",
  InvalidBatchEntryId: "AWS.SimpleQueueService.InvalidBatchEntryId",
  KmsAccessDenied: "KMS.AccessDeniedException",
  KmsDisabled: "KMS.DisabledException",
  KmsInvalidKeyUsage: "KMS.InvalidKeyUsageException",
  KmsInvalidState: "KMS.InvalidStateException",
  KmsNotFound: "KMS.NotFoundException",
  KmsOptInRequired: "KMS.OptInRequired",
  KmsThrottled: "KMS.ThrottlingException",
  MessageNotInflight: "AWS.SimpleQueueService.MessageNotInflight",
  PurgeQueueInProgress: "AWS.SimpleQueueService.PurgeQueueInProgress",
  QueueDeletedRecently: "AWS.SimpleQueueService.QueueDeletedRecently",
  QueueDoesNotExist: "AWS.SimpleQueueService.NonExistentQueue",
  QueueNameExists: "QueueAlreadyExists",
  TooManyEntriesInBatchRequest: "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
  UnsupportedOperation: "AWS.SimpleQueueService.UnsupportedOperation",
};

/**
 * Errors that come from AWS's common front rather than from SQS's model, in its namespace: the name in
 * `__type` and the name in the query protocol.
 */
const commonErrors: readonly (readonly [type: string, queryName: string])[] = [
  ["AccessDeniedException", "AccessDenied"],
  ["ExpiredTokenException", "ExpiredToken"],
  ["IncompleteSignatureException", "IncompleteSignature"],
  ["InternalFailure", "InternalFailure"],
  ["InvalidParameterCombinationException", "InvalidParameterCombination"],
  ["InvalidParameterValueException", "InvalidParameterValue"],
  ["InvalidSignatureException", "SignatureDoesNotMatch"],
  ["MissingRequiredParameterException", "MissingParameter"],
  ["RequestEntityTooLargeException", "RequestEntityTooLarge"],
  ["SerializationException", "MalformedInput"],
  ["ServiceUnavailable", "ServiceUnavailable"],
  ["UnknownOperationException", "InvalidAction"],
  ["UnrecognizedClientException", "InvalidClientTokenId"],
  ["UnsupportedMediaTypeException", "UnsupportedMediaType"],
  ["ValidationException", "ValidationError"],
];

const commonByName = new Map(
  commonErrors.flatMap((names) => [
    [names[0], names],
    [names[1], names],
  ]),
);

/**
 * See docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-api-responses.html
 * for the shape. The header comes with every error, not only with those that have an older name.
 */
export function encodeError(error: SqsServiceError): WireError {
  const { errorName, statusCode, senderFault } = error;
  const common = commonByName.get(errorName);
  const type =
    common === undefined
      ? `com.amazonaws.sqs#${errorName}`
      : `com.amazon.coral.service#${common[0]}`;
  const queryName = common?.[1] ?? queryNames[errorName] ?? errorName;
  // A denial alone spells its text with a capital; SDKs read both.
  const textMember = common?.[0] === "AccessDeniedException" ? "Message" : "message";
  return {
    statusCode,
    queryError: `${queryName};${senderFault ? "Sender" : "Receiver"}`,
    body: JSON.stringify({ __type: type, [textMember]: textOf(error) }),
  };
}

/** AWS's text alone: an SqsServiceError's message has the operation and the name before it. */
function textOf({ message, operation, errorName }: SqsServiceError): string {
  const prefix = `${operation}: ${errorName}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}
