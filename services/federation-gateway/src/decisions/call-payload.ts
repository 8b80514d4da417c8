import type { DecisionRecord } from './decision-record.ts'

/**
 * A decision as canonical JSON (RFC 8785), with the names and the manner of the proto's JSON: what is empty is left out.
 *
 * Written out by hand, in the order of the names: every call has one, and a library takes ten times as long.
 */
export function payloadOf(record: DecisionRecord): Uint8Array {
  const members =
    (record.advised ? ',"advised":true' : '') +
    (record.allowed ? ',"allowed":true' : '') +
    `,"at":"${new Date(record.atMs).toISOString()}"` +
    member('axis', record.axis) +
    member('data_class', record.dataClass) +
    member('destination_region', record.destinationRegion) +
    member('detail', record.detail) +
    member('direction', record.direction) +
    member('grant_id', record.grantId) +
    member('id', record.id) +
    member('node_instance_id', record.nodeInstanceId) +
    member('override_id', record.overrideId) +
    member('peer_id', record.peerId) +
    (record.policyEpoch === 0n ? '' : `,"policy_epoch":"${record.policyEpoch}"`) +
    member('reason', record.reason) +
    member('remote_decision_id', record.remoteDecisionId) +
    member('request_id', record.requestId) +
    member('residency_mode', record.residencyMode) +
    member('residency_rule_id', record.residencyRuleId) +
    member('resource_id', record.resourceId) +
    member('resource_kind', record.resourceKind) +
    member('resource_region', record.resourceRegion) +
    member('rpc', record.rpc) +
    member('scope', record.scope) +
    member('sdwan_network_id', record.sdwanNetworkId) +
    member('source_address', record.sourceAddress) +
    member('traceparent', record.traceparent)
  return Buffer.from(`{${members.slice(1)}}`)
}

function member(name: string, text: string): string {
  if (text === '') return ''
  const quoted = JSON.stringify(text)
  // What may be NUL or half a surrogate pair is escaped so.
  return `,"${name}":${quoted.includes('\\u') ? JSON.stringify(wellFormed(text)) : quoted}`
}

/** A text that JSON, UTF-8 and Postgres can hold: peers and callers of ours chose some of them. */
export function wellFormed(text: string): string {
  const whole = text.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '\u{fffd}') : whole
}
