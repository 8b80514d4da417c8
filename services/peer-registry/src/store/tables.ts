import type { Generated, GeneratedAlways } from 'kysely'
import type { AcceptanceRun } from '../acceptance-run.ts'
import type { Certificate, SealedAuthority } from '../certificate.ts'
import type { Errand } from '../errand.ts'
import type { Invitation } from '../invitation.ts'
import type { EndorsedKeys } from '../ledger-keys.ts'
import type { Delivery, Notice } from '../notice.ts'
import type { Parentage } from '../parentage.ts'
import type { Peer } from '../peer.ts'
import type { Platform } from '../platform.ts'
import type { Rotation } from '../rotation.ts'
import type { SpawnedChild } from '../spawned-child.ts'
import type { VersionRule } from '../version.ts'
import type { RowOf } from './rows.ts'

/** What the feed tells of: the database stamps each change with its epoch, and nobody else writes it. */
type Fed = { epoch: GeneratedAlways<number> }

/** Every table of the schema; the columns are the fields of the nouns. */
export type Tables = {
  peer: RowOf<Peer> & Fed & { forgotten: Generated<boolean> }
  invitation: RowOf<Invitation>
  errand: RowOf<Errand>
  spawned_child: RowOf<SpawnedChild>
  notice: RowOf<Notice>
  notice_delivery: RowOf<Delivery>
  parentage: RowOf<Parentage>
  platform: RowOf<Platform> & Fed
  authority: RowOf<SealedAuthority> & Fed
  certificate: RowOf<Certificate>
  rotation: RowOf<Rotation> & Fed
  ledger_keys: RowOf<EndorsedKeys>
  acceptance_run: RowOf<AcceptanceRun>
  version_rule: RowOf<VersionRule>
  told_version: { process_id: string; version: string; seen_at: Date }
  heeded_alarm: { alarm_id: string; peer_id: string; outcome: 'suspended' | 'left'; at: Date }
  held_invitation: {
    plan_sha256: Buffer
    requested_by: string
    invitation_sealed: Buffer
    approval_id: string | null
    held_at: Date
  }
  trust_holder: { holder: string; acknowledged_sequence: number; generation: number; acknowledged_at: Date }
  contract_version: {
    version: number
    contract_text: string
    contract_digest: string
    effective_at: Date | string
    deprecated_at: Date | string | null
  }
}
