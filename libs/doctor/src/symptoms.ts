/**
 * Everything the doctor can find, causes before their consequences: of all that is wrong at once, the verdict is what stands
 * first here. docs/doctor.md has a row for each; a test compares.
 */
export const SYMPTOMS = [
  // our own house
  'roots_outdated',
  'identity_broken',
  'certificate_expired_here',
  'database_down',
  'schema_behind',
  'service_down',
  'disk_full',
  'clock_wrong_here',
  'bus_down',
  // what was decided
  'peer_revoked',
  'peer_suspended',
  'unknown_there',
  // before there is a peering
  'contract_incompatible',
  'token_mistyped',
  'token_spent',
  'token_expired',
  'token_revoked',
  'token_for_another',
  'token_missing',
  // the road
  'name_unresolved',
  'port_silent',
  'wrong_identity',
  'certificate_expired',
  'certificate_revoked',
  'trust_mismatch',
  'our_certificate_refused',
  'tls_failed',
  'clock_skew',
  'rate_limited',
  'refused_there',
  // beats
  'version_incompatible',
  'breaker_holds',
  'one_way_in',
  'one_way_out',
  'heartbeat_never',
  'heartbeat_stale',
  'ledger_alarm',
  'events_stuck',
  'slot_dropped',
  'child_grant_missing',
  'approval_failed',
  'acceptance_failed',
  'child_not_booted',
  // needs an eye
  'automation_halted',
  'remediation_paused',
  'approval_pending',
  'approval_timed_out',
  'token_waiting',
  'redeeming',
  'disclosure_missing',
  'certificate_expiring',
  'restored',
  'degraded_by_probe',
  'gone_for_long',
  'degraded',
  'version_degraded',
  'version_unnamed',
  'residency_violation',
  'scope_mismatch',
  'permission_insufficient',
  'grant_expired',
  'grant_revoked',
  'grant_not_recognised',
  'grant_missing',
  'call_refused',
  'replica_lag',
  'slot_inactive',
  'tenant_partial',
  'network_left_out',
  'node_behind',
  'route_missing',
  'ledger_lag',
  'outbox_lag',
  'consumer_behind',
  'dead_letters',
  'acceptance_warned',
  'finding_open',
  'open_items',
  'not_listening',
  'service_silent',
  'endpoint_down',
  'other_end_silent',
] as const

export type Symptom = (typeof SYMPTOMS)[number]

/** What is said when nothing is wrong. */
export const HEALTHY = 'healthy'

const PLACE: ReadonlyMap<string, number> = new Map(SYMPTOMS.map((symptom, place) => [symptom, place]))

/** How early in the chain of causes; what a later release of the other side names stands last. */
export const placeOf = (symptom: string): number => PLACE.get(symptom) ?? SYMPTOMS.length
