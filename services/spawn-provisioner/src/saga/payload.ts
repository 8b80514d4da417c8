import { payloadFrom, trustDomainFor, type Payload } from '@powernode/payload'
import type { GetPlatformResponse } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { Spawn } from '../operations/read-spawn.ts'

type Of = Pick<Spawn, 'child' | 'template' | 'region'>

/**
 * What a machine is handed: whom to call, with which token, and how to know that it is really us.
 *
 * A template may say who answers for its children (`contact`, `jurisdiction`) and where they are reached
 * (`advertise_url`); who says nothing speaks as its parent does.
 */
export function payloadOf({ child, template, region }: Of, parent: GetPlatformResponse, token: string): Payload {
  const { platform, caPin } = parent
  if (!platform || child.peerId === null)
    throw new Error('a payload was asked for before there was a peer to name in it')
  const said = (key: string): string | undefined => {
    const value = template.spec[key]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  return payloadFrom({
    parent_url: child.parentUrl,
    acceptance_token: token,
    spawn_mode: child.spawnMode,
    parent_peer_id: child.peerId,
    contract_version: 'v1',
    child_template_id: template.id,
    ca_pin: caPin,
    parent_identity_key: Buffer.from(platform.identityKey).toString('base64url'),
    parent_platform_id: platform.platformId,
    hostname: child.hostname,
    trust_domain: trustDomainFor(child.hostname, platform.trustDomain),
    instance_id: child.instanceId,
    contact: said('contact') ?? platform.disclosure?.contact ?? '',
    jurisdiction: said('jurisdiction') ?? platform.disclosure?.jurisdiction ?? '',
    advertise_url: said('advertise_url'),
    region: region.name,
  })
}
