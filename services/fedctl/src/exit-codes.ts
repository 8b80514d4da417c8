import type { DamageKind } from '@powernode/ledger'
import type { Reason } from '@powernode/rpc'

/** What fedctl's exit code says; a script needs nothing else. */
export const EXIT = {
  done: 0,
  /** A fault, a service of our own that does not answer, or something that the doctor finds not to work. */
  fault: 1,
  /** What was typed makes no sense, or names nothing. */
  usage: 2,
  doneWithOpenItems: 3,
  refusedByPolicy: 4,
  otherSideRefused: 5,
  timeout: 6,
  /** The two sides do not tell the same of their calls. */
  differences: 30,
  /** Something in the network can reach what it must not, or cannot reach what it must. */
  testsFailed: 31,
} as const

/** What is wrong with a log or a proof, each kind with a code of its own: a script that watches a log needs no words. */
export const DAMAGE_EXIT = {
  missing_entry: 10,
  altered_entry: 11,
  wrong_root: 12,
  bad_signature: 13,
  rollback: 14,
  fork: 15,
  gap: 16,
  altered_payload: 17,
  missing_tile: 18,
  altered_tile: 19,
  missing_checkpoint: 20,
  malformed_checkpoint: 21,
  malformed_entry: 22,
  too_few_cosignatures: 23,
  wrong_log: 24,
  bad_pruning: 25,
  malformed_proof: 26,
  not_proven: 27,
} as const satisfies Readonly<Record<DamageKind | 'malformed_proof' | 'not_proven', number>>

export type ExitCode = (typeof EXIT)[keyof typeof EXIT] | (typeof DAMAGE_EXIT)[keyof typeof DAMAGE_EXIT]

/** Refusals that are neither our rules' (4) nor listed here do not exist: 4 is what a refusal is by itself. */
const BY_REASON: Partial<Record<Reason, ExitCode>> = {
  REQUEST_INVALID: EXIT.usage,
  METHOD_UNKNOWN: EXIT.usage,
  MESSAGE_TOO_LARGE: EXIT.usage,
  INVITATION_MALFORMED: EXIT.usage,
  INVITATION_TTL_OUT_OF_RANGE: EXIT.usage,
  INVITATION_NOT_FOUND: EXIT.usage,
  PEER_NOT_FOUND: EXIT.usage,
  PEER_AMBIGUOUS: EXIT.usage,
  URL_INVALID: EXIT.usage,
  SPAWN_ROLE_REQUIRED: EXIT.usage,
  CERTIFICATE_NOT_FOUND: EXIT.usage,
  ROTATION_NOT_FOUND: EXIT.usage,
  LOG_NOT_FOUND: EXIT.usage,
  PAGE_TOKEN_INVALID: EXIT.usage,
  GRANT_NOT_FOUND: EXIT.usage,
  GRANT_TTL_OUT_OF_RANGE: EXIT.usage,
  GRANT_AXIS_INVALID: EXIT.usage,
  NOTHING_TO_REVOKE: EXIT.usage,
  BRIDGE_NOT_FOUND: EXIT.usage,
  RESOURCE_NOT_FOUND: EXIT.usage,
  RESOURCE_KIND_UNKNOWN: EXIT.usage,
  REGION_UNKNOWN: EXIT.usage,
  REGION_CYCLE: EXIT.usage,
  RESIDENCY_RULE_NOT_FOUND: EXIT.usage,
  OVERRIDE_NOT_FOUND: EXIT.usage,
  OVERRIDE_TTL_OUT_OF_RANGE: EXIT.usage,
  APPROVAL_NOT_FOUND: EXIT.usage,
  ACTION_UNKNOWN: EXIT.usage,
  ROLE_UNKNOWN: EXIT.usage,
  DECISION_NOT_FOUND: EXIT.usage,
  ENTRY_NOT_FOUND: EXIT.usage,
  ENTRY_PRUNED: EXIT.usage,
  PROOF_OUT_OF_RANGE: EXIT.usage,
  WINDOW_INVALID: EXIT.usage,
  ALARM_NOT_FOUND: EXIT.usage,
  CHILD_NOT_FOUND: EXIT.usage,
  TEMPLATE_NOT_FOUND: EXIT.usage,
  PROVIDER_NOT_FOUND: EXIT.usage,
  PROVIDER_KIND_UNKNOWN: EXIT.usage,
  PROVIDER_REGION_NOT_FOUND: EXIT.usage,
  INSTANCE_TYPE_NOT_FOUND: EXIT.usage,
  INSTANCE_NOT_FOUND: EXIT.usage,
  SPAWN_TTL_OUT_OF_RANGE: EXIT.usage,
  NOT_CLUSTER_MEMBER: EXIT.usage,
  VERSION_RULE_NOT_FOUND: EXIT.usage,
  FINDING_NOT_FOUND: EXIT.usage,
  SIGNAL_NOT_FOUND: EXIT.usage,
  REMEDIATION_NOT_FOUND: EXIT.usage,
  REVIEW_NOT_FOUND: EXIT.usage,
  NOTICE_NOT_FOUND: EXIT.usage,
  NOTICE_INVALID: EXIT.usage,
  INTENT_NOT_FOUND: EXIT.usage,
  INTENT_AMBIGUOUS: EXIT.usage,
  INTENT_INVALID: EXIT.usage,
  NODE_NOT_FOUND: EXIT.usage,
  RUN_NOT_FOUND: EXIT.usage,
  PLACE_UNKNOWN: EXIT.usage,
  ACCEPTANCE_NOT_FOUND: EXIT.usage,
  // Not done, and not refused either: it stands in the queue.
  APPROVAL_REQUIRED: EXIT.doneWithOpenItems,
  PEER_REFUSED: EXIT.otherSideRefused,
  PEER_UNREACHABLE: EXIT.otherSideRefused,
  PEER_CIRCUIT_OPEN: EXIT.otherSideRefused,
  PEER_CERTIFICATE_NOT_TRUSTED: EXIT.otherSideRefused,
  DEADLINE_EXCEEDED: EXIT.timeout,
  SERVICE_UNAVAILABLE: EXIT.fault,
  RECORD_UNAVAILABLE: EXIT.fault,
}

export function exitCodeOf(reason: Reason): ExitCode {
  return BY_REASON[reason] ?? EXIT.refusedByPolicy
}
