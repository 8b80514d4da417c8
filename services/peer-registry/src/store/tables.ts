import type { Certificate, SealedAuthority } from '../certificate.ts'
import type { Errand } from '../errand.ts'
import type { Invitation } from '../invitation.ts'
import type { Peer } from '../peer.ts'
import type { Platform } from '../platform.ts'
import type { Rotation } from '../rotation.ts'
import type { RowOf } from './rows.ts'

/** Every table of the schema; the columns are the fields of the nouns. */
export type Tables = {
  peer: RowOf<Peer>
  invitation: RowOf<Invitation>
  errand: RowOf<Errand>
  platform: RowOf<Platform>
  authority: RowOf<SealedAuthority>
  certificate: RowOf<Certificate>
  rotation: RowOf<Rotation>
  trust_holder: { holder: string; acknowledged_sequence: number; generation: number; acknowledged_at: Date }
  contract_version: {
    version: number
    contract_text: string
    contract_digest: string
    effective_at: Date | string
    deprecated_at: Date | string | null
  }
}
