import { platformIdOf } from '@powernode/identity'
import { payloadFrom, type Payload, type PayloadKey } from './payload.ts'

/** A canonical Ed25519 key of no platform that exists: the first test vector of RFC 8032 §7.1. */
const KEY = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')

/** A payload as spawn-provisioner would write it, with what a test wants otherwise. */
export const somePayload = (said: Partial<Record<PayloadKey, string>> = {}): Payload => {
  const key = Buffer.from(said.parent_identity_key ?? KEY.toString('base64url'), 'base64url')
  return payloadFrom({
    parent_url: 'https://127.0.0.1:8443',
    acceptance_token: 'A'.repeat(43),
    spawn_mode: 'managed_child',
    parent_peer_id: '01938f00-0000-7000-8000-000000000001',
    contract_version: 'v1',
    child_template_id: '01938f00-0000-7000-8000-000000000002',
    ca_pin: '0'.repeat(64),
    parent_identity_key: key.toString('base64url'),
    parent_platform_id: platformIdOf(key),
    hostname: 'child-1',
    trust_domain: 'child-1.parent.example',
    instance_id: '01938f00-0000-7000-8000-000000000003',
    contact: 'ops@parent.example',
    jurisdiction: 'DE',
    ...said,
  })
}
