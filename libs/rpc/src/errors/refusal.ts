import type { Message } from '@bufbuild/protobuf'
import { Code } from '@connectrpc/connect'
import type { Reason as Wire } from '@powernode/proto/powernode/refusal/v1/refusal_pb.ts'

/** Every reason the mesh says no, as refusal.proto lists them. */
export type Reason = Exclude<keyof typeof Wire, 'UNSPECIFIED'>

/** The status each reason becomes on the wire. A reason without a row does not compile. */
export const STATUS = {
  // who are you
  CERTIFICATE_REQUIRED: Code.Unauthenticated,
  CERTIFICATE_NOT_TRUSTED: Code.Unauthenticated,
  CALLER_NOT_ALLOWED: Code.PermissionDenied,
  PEER_UNKNOWN: Code.Unauthenticated,
  PEER_SUSPENDED: Code.PermissionDenied,
  PEER_REVOKED: Code.PermissionDenied,
  PEER_NOT_ENROLLED: Code.PermissionDenied,
  POLICY_STALE: Code.Unavailable,
  // what are you saying
  REQUEST_INVALID: Code.InvalidArgument,
  MESSAGE_TOO_LARGE: Code.ResourceExhausted,
  RATE_LIMITED: Code.ResourceExhausted,
  METHOD_UNKNOWN: Code.Unimplemented,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  DEADLINE_REQUIRED: Code.InvalidArgument,
  SERVICE_UNKNOWN: Code.NotFound,
  // invitations and the handshake
  INVITATION_MALFORMED: Code.InvalidArgument,
  INVITATION_UNKNOWN: Code.PermissionDenied,
  INVITATION_EXPIRED: Code.PermissionDenied,
  INVITATION_REVOKED: Code.PermissionDenied,
  INVITATION_SPENT: Code.PermissionDenied,
  INVITATION_FOR_ANOTHER: Code.PermissionDenied,
  INVITATION_TTL_OUT_OF_RANGE: Code.InvalidArgument,
  INVITATION_NOT_FOUND: Code.NotFound,
  CONTRACT_VERSION_UNSUPPORTED: Code.FailedPrecondition,
  IDENTITY_KEY_INVALID: Code.InvalidArgument,
  SIGNATURE_INVALID: Code.PermissionDenied,
  TRUST_MATERIAL_MISSING: Code.InvalidArgument,
  TRUST_DOMAIN_TAKEN: Code.AlreadyExists,
  PLATFORM_ALREADY_PEERED: Code.AlreadyExists,
  PLATFORM_IS_SELF: Code.FailedPrecondition,
  CSR_INVALID: Code.InvalidArgument,
  ACCEPTANCE_INVALID: Code.InvalidArgument,
  CA_PIN_MISMATCH: Code.FailedPrecondition,
  // peers
  PEER_NOT_FOUND: Code.NotFound,
  PEER_AMBIGUOUS: Code.InvalidArgument,
  MOVE_NOT_ALLOWED: Code.FailedPrecondition,
  PEER_CHANGED_MEANWHILE: Code.Aborted,
  URL_INVALID: Code.InvalidArgument,
  URL_FORBIDDEN: Code.FailedPrecondition,
  SPAWN_ROLE_REQUIRED: Code.InvalidArgument,
  PEER_NAME_TAKEN: Code.AlreadyExists,
  // trust bundles, certificates, rotation
  BUNDLE_INVALID: Code.InvalidArgument,
  BUNDLE_SEQUENCE_OLD: Code.FailedPrecondition,
  CERTIFICATE_NOT_FOUND: Code.NotFound,
  ROTATION_IN_PROGRESS: Code.FailedPrecondition,
  ROTATION_NOT_FOUND: Code.NotFound,
  ROTATION_STEP_NOT_ALLOWED: Code.FailedPrecondition,
  ROTATION_NOT_ACKNOWLEDGED: Code.FailedPrecondition,
  HOST_NOT_ALLOWED: Code.InvalidArgument,
  // the other side
  PEER_UNREACHABLE: Code.Unavailable,
  PEER_CIRCUIT_OPEN: Code.Unavailable,
  PEER_REFUSED: Code.FailedPrecondition,
  PEER_CERTIFICATE_NOT_TRUSTED: Code.FailedPrecondition,
  SERVICE_UNAVAILABLE: Code.Unavailable,
  // grants, as a peer is told
  GRANT_REQUIRED: Code.Unauthenticated,
  GRANT_INVALID: Code.Unauthenticated,
  SCOPE_MISMATCH: Code.PermissionDenied,
  RESIDENCY_VIOLATION: Code.PermissionDenied,
  RESOURCE_NOT_FOUND: Code.NotFound,
  RESOURCE_KIND_UNKNOWN: Code.NotFound,
  RESOURCE_READ_ONLY: Code.FailedPrecondition,
  RESOURCE_CHANGED_MEANWHILE: Code.Aborted,
  RECORD_UNAVAILABLE: Code.Unavailable,
  // grants, as an operator is told
  GRANT_NOT_FOUND: Code.NotFound,
  GRANT_EXISTS: Code.AlreadyExists,
  GRANT_TTL_OUT_OF_RANGE: Code.InvalidArgument,
  GRANT_AXIS_INVALID: Code.InvalidArgument,
  GRANT_OVER: Code.FailedPrecondition,
  GRANT_CHANGED_MEANWHILE: Code.Aborted,
  BRIDGE_NOT_FOUND: Code.NotFound,
  BRIDGE_EXISTS: Code.AlreadyExists,
  SETTINGS_CHANGED_MEANWHILE: Code.Aborted,
  RELATIONSHIP_MISMATCH: Code.FailedPrecondition,
  NOTHING_TO_REVOKE: Code.InvalidArgument,
  // residency
  REGION_UNKNOWN: Code.InvalidArgument,
  REGION_IN_USE: Code.FailedPrecondition,
  REGION_CYCLE: Code.InvalidArgument,
  RESIDENCY_RULE_NOT_FOUND: Code.NotFound,
  OVERRIDE_NOT_FOUND: Code.NotFound,
  OVERRIDE_TTL_OUT_OF_RANGE: Code.InvalidArgument,
  // approvals
  APPROVAL_REQUIRED: Code.FailedPrecondition,
  APPROVAL_NOT_FOUND: Code.NotFound,
  APPROVAL_OVER: Code.FailedPrecondition,
  APPROVAL_PLAN_MISMATCH: Code.FailedPrecondition,
  APPROVAL_OWN_REQUEST: Code.PermissionDenied,
  ACTION_BLOCKED: Code.PermissionDenied,
  AUTONOMY_HALTED: Code.FailedPrecondition,
  ACTION_UNKNOWN: Code.InvalidArgument,
  // operators
  PERMISSION_MISSING: Code.PermissionDenied,
  OPERATOR_UNKNOWN: Code.PermissionDenied,
  OPERATOR_PAUSED: Code.PermissionDenied,
  OPERATOR_LAST_ADMIN: Code.FailedPrecondition,
  ROLE_UNKNOWN: Code.InvalidArgument,
  ROLE_IN_USE: Code.FailedPrecondition,
  TOKEN_INVALID: Code.Unauthenticated,
  DECISION_NOT_FOUND: Code.NotFound,
  // lists
  PAGE_TOKEN_INVALID: Code.InvalidArgument,
  LOG_NOT_FOUND: Code.NotFound,
  // the ledger
  ENTRY_NOT_FOUND: Code.NotFound,
  ENTRY_TOO_LARGE: Code.InvalidArgument,
  ENTRY_PRUNED: Code.NotFound,
  ENTRY_CONFLICT: Code.AlreadyExists,
  PROOF_OUT_OF_RANGE: Code.InvalidArgument,
  CHECKPOINT_INVALID: Code.InvalidArgument,
  CHECKPOINT_CONFLICT: Code.Aborted,
  CHECKPOINT_FORKED: Code.FailedPrecondition,
  LEDGER_KEYS_UNKNOWN: Code.FailedPrecondition,
  LEDGER_KEYS_INVALID: Code.PermissionDenied,
  MIRROR_GAP: Code.Aborted,
  MIRROR_MISMATCH: Code.InvalidArgument,
  PRUNE_NOT_COSIGNED: Code.FailedPrecondition,
  WINDOW_INVALID: Code.InvalidArgument,
  PEER_NOT_ACTIVE: Code.PermissionDenied,
  ALARM_NOT_FOUND: Code.NotFound,
  LOG_ON_HOLD: Code.FailedPrecondition,
  CHILD_NOT_FOUND: Code.NotFound,
  CHILD_EXISTS: Code.AlreadyExists,
  CHILD_QUOTA_REACHED: Code.ResourceExhausted,
  CHILD_STATE_FORBIDS: Code.FailedPrecondition,
  TEMPLATE_NOT_FOUND: Code.NotFound,
  PROVIDER_NOT_FOUND: Code.NotFound,
  PROVIDER_KIND_UNKNOWN: Code.InvalidArgument,
  PROVIDER_NOT_READY: Code.FailedPrecondition,
  PROVIDER_REGION_NOT_FOUND: Code.NotFound,
  INSTANCE_TYPE_NOT_FOUND: Code.NotFound,
  SPAWN_RECORD_EXISTS: Code.AlreadyExists,
  SPAWN_RECORD_IN_USE: Code.FailedPrecondition,
  INSTANCE_NOT_FOUND: Code.NotFound,
  INSTANCE_IN_USE: Code.FailedPrecondition,
  SPAWN_TTL_OUT_OF_RANGE: Code.InvalidArgument,
  BOOT_INVITATION_OVER: Code.FailedPrecondition,
  BOOTSTRAP_TOKEN_INVALID: Code.Unauthenticated,
  ENROLLMENT_PENDING: Code.Unavailable,
  NOT_CLUSTER_MEMBER: Code.FailedPrecondition,
  MEMBER_NOT_READY: Code.FailedPrecondition,
  FENCE_FAILED: Code.FailedPrecondition,
  REPLICATION_NOT_CONFIGURED: Code.FailedPrecondition,
  INTENT_NOT_FOUND: Code.NotFound,
  INTENT_AMBIGUOUS: Code.InvalidArgument,
  INTENT_EXISTS: Code.AlreadyExists,
  INTENT_CHANGED: Code.Aborted,
  INTENT_IN_USE: Code.FailedPrecondition,
  INTENT_INVALID: Code.InvalidArgument,
  ADDRESS_SPACE_EXHAUSTED: Code.ResourceExhausted,
  PREFIX_OVERLAP: Code.FailedPrecondition,
  RULE_VANISHES: Code.FailedPrecondition,
  TEST_FAILED: Code.FailedPrecondition,
  PLAN_CHANGED: Code.Aborted,
  NODE_NOT_FOUND: Code.NotFound,
  RUN_NOT_FOUND: Code.NotFound,
  RUN_STATE_FORBIDS: Code.FailedPrecondition,
  OVN_DEPLOYMENT_MISSING: Code.FailedPrecondition,
  OVERLAY_OUTDATED: Code.Aborted,
  OVERLAY_NOT_OFFERED: Code.FailedPrecondition,
  PLACE_UNKNOWN: Code.NotFound,
  SECRET_LOST: Code.FailedPrecondition,
  SEALING_KEY_REPLACED: Code.Unavailable,
  SIGNAL_NOT_FOUND: Code.NotFound,
  REMEDIATION_NOT_FOUND: Code.NotFound,
  REMEDIATION_PAUSED: Code.FailedPrecondition,
  FINDING_NOT_FOUND: Code.NotFound,
  REVIEW_NOT_FOUND: Code.NotFound,
  VERSION_INCOMPATIBLE: Code.FailedPrecondition,
  VERSION_KIND_REFUSED: Code.FailedPrecondition,
  VERSION_RULE_NOT_FOUND: Code.NotFound,
  VERSION_RULE_FIXED: Code.FailedPrecondition,
  VERSION_RULE_CUTS_OFF: Code.FailedPrecondition,
  NOTICE_NOT_FOUND: Code.NotFound,
  NOTICE_INVALID: Code.InvalidArgument,
  ACCEPTANCE_NOT_FOUND: Code.NotFound,
  ACCEPTANCE_STATE_FORBIDS: Code.FailedPrecondition,
  DIAGNOSIS_TOO_OFTEN: Code.ResourceExhausted,
} as const satisfies Record<Reason, Code>

/** What a refusal carries beside its reason and its sentence. */
export type RefusalDetails = {
  /** Facts about this very refusal, for programs. No secrets: it crosses the wire as it is. */
  readonly metadata?: Readonly<Record<string, string>>
  /** What to do now, best as a command that can be pasted. */
  readonly next?: string
  /** Further messages of google.rpc or powernode.federation.v1, for example BadRequest. */
  readonly details?: readonly Message[]
  /** When trying again may help. */
  readonly retryAfterMs?: number
}

/**
 * An expected "no" the caller may act on. Anything else that is thrown is a fault, and stays internal.
 *
 * The message is a whole sentence for a person; programs look at `reason`, which never changes its meaning.
 */
export class Refusal extends Error {
  readonly reason: Reason
  readonly status: Code
  readonly metadata: Readonly<Record<string, string>>
  readonly next: string | undefined
  readonly details: readonly Message[]
  readonly retryAfterMs: number | undefined

  constructor(
    reason: Reason,
    message: string,
    { metadata = {}, next, details = [], retryAfterMs }: RefusalDetails = {},
  ) {
    super(message)
    this.name = 'Refusal'
    this.reason = reason
    this.status = STATUS[reason]
    this.metadata = metadata
    this.next = next
    this.details = details
    this.retryAfterMs = retryAfterMs
  }
}

/** Whether `word` is a reason of ours: what arrives from elsewhere may say anything. */
export function isReason(word: string): word is Reason {
  return Object.hasOwn(STATUS, word)
}
