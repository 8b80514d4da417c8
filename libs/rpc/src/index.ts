export { callerText, holderFrom, isAgent, type Caller, type Holder, type OperatorCaller } from './calls/caller.ts'
export {
  callerKey,
  callerOf,
  requestIdKey,
  personOf,
  requestOf,
  traceKey,
  within,
  type RequestOrigin,
} from './calls/call.ts'
export { REQUEST_ID, requestIdFrom } from './calls/request-id.ts'
export { childOf, TRACEPARENT, traceparentOf, type Trace } from './calls/trace.ts'
export { backoffMs } from './client/backoff.ts'
export { createClient } from './client/client.ts'
export { openTalks, type ClientTalk, type OpenTalk } from './client/talk.ts'
export { openTransport, type TransportOptions } from './client/transport.ts'
export { CANCELED, expectedEnd } from './errors/expected.ts'
export { toGrpcStatus } from './errors/grpc-status.ts'
export { refusalOf } from './errors/refusal-of.ts'
export { isReason, Refusal, STATUS, type Reason, type RefusalDetails } from './errors/refusal.ts'
export { toConnectError } from './errors/to-connect-error.ts'
export { framed, FrameReader, FRAME_HEADER_BYTES, headed } from './frames/frame.ts'
export { Odd, WireReader, WireWriter } from './frames/wire.ts'
export { followTlsFiles } from './follow-tls-files.ts'
export { grpcDefinition } from './grpc/definition.ts'
export { generationHeld, holdTrust } from './identity/held-trust.ts'
export { renewCertificate } from './identity/renew-certificate.ts'
export { keepIdentity, type KeepIdentityOptions } from './identity/keep-identity.ts'
export {
  checkAddress,
  DEFAULT_ADDRESS_POLICY,
  kindOfAddress,
  type AddressKind,
  type AddressPolicy,
} from './outbound/address-policy.ts'
export { resolveEndpoint, type Lookup, type ResolvedEndpoint } from './outbound/resolve-endpoint.ts'
export { createHealth, type Health } from './server/health.ts'
export { mount, mountForEverybody, type CallerName, type CallersTable, type Mount } from './server/mount.ts'
export type { Credentials, OperatorLookup } from './server/operator-lookup.ts'
export { isPermission, PERMISSIONS, type Permission } from './server/permissions.ts'
export { reflection } from './server/reflection.ts'
export { rateLimit, takeOfOperator, takeOrRefuse, type RateLimit } from './server/rate-limits.ts'
export { MESSAGE_MAX_BYTES } from './server/request-body.ts'
export { serve, type ServeOptions } from './server/serve.ts'
export type { Talk } from './server/talks.ts'
export { contextOf } from './server/tls-server.ts'
export { refuseInvalid, warmUp } from './server/validate.ts'
export { sharedAnswer, underway, type Underway } from './server/underway.ts'
export { stillGoodBy, type StillGood } from './trust.ts'
