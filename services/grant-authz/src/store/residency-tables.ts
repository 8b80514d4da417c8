import type { Generated } from 'kysely'
import type { Mode } from '../residency.ts'

export type RegionRow = { name: string; parent: string | null }

export type ResidencySettingsRow = {
  one: Generated<boolean>
  default_mode: Mode
  home_region: string | null
  begun: boolean
  epoch: Generated<number>
}

export type ResidencyRuleRow = {
  id: string
  peer_id: string | null
  data_class: string
  allowed_regions: readonly string[]
  mode: Mode | ''
  set_by: string
  set_at: Date
}

export type PeerResidencyRow = {
  peer_id: string
  tag: string | null
  mode: Generated<Mode | ''>
  reason: Generated<string>
  set_by: Generated<string>
  set_at: Date | null
  located: Generated<string>
  declared: Generated<string>
  announced: Generated<readonly string[]>
  epoch: Generated<number>
}

export type ResidencyOverrideRow = {
  id: string
  peer_id: string
  resource_kind: string
  resource_id: string
  reason: string
  created_by: string
  created_at: Date
  expires_at: Date
  decision_id: string | null
  used_at: Date | null
  revoked_at: Date | null
  withdrawn_at: Date | null
  epoch: Generated<number>
}

export type ResidencyTables = {
  region: RegionRow
  residency_settings: ResidencySettingsRow
  residency_rule: ResidencyRuleRow
  peer_residency: PeerResidencyRow
  residency_override: ResidencyOverrideRow
}
