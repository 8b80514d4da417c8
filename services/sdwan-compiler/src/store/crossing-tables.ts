import type { Generated } from 'kysely'
import type { FederationState } from '../federation-peer.ts'
import type { RemoteGateway } from '../world.ts'

/** Lists are read as they are and written as JSON text. */
type Json<Value> = Value

/** The tables of crossings (0010_crossing.sql). */
export type CrossingTables = {
  federation_peer: {
    id: string
    name: string
    platform_id: string
    state: FederationState
    revision: number
    prefix_advertisement: string
    degraded_since: Date | null
    due_at: Date
    rings: Generated<number>
    attempts: Generated<number>
  }
  overlay_offer: OverlayRow & {
    told_sequence: Generated<number>
    due_at: Date
    attempts: Generated<number>
    failure: Generated<string>
  }
  heard_overlay: OverlayRow & { heard_at: Date }
  crossing: {
    peer_id: string
    network_id: string
    gateways: Json<readonly RemoteGateway[]>
    accepted: Json<readonly string[]>
    advertised: Json<readonly string[]>
    refused: Json<readonly string[]>
    max_prefixes: number
    pair: string
  }
  crossing_gateway: {
    peer_id: string
    member_id: string
    node_instance_id: string
    place: number
    listen_port: number
    public_key: string | null
  }
  disabled_rule: { rule_id: string; peer_id: string; reason: string; disabled_at: Date }
}

type OverlayRow = {
  peer_id: string
  sequence: number
  gateways: Json<readonly RemoteGateway[]>
  advertise: Json<readonly string[]>
  withdrawn: boolean
  half_sealed: Buffer | null
  half_sequence: number
}
