import type { Tx } from '@powernode/postgres'
import type { Generated } from 'kysely'
import type { Purpose } from '../bootstrap-token.ts'
import type { Child } from '../child.ts'
import type { Instance } from '../instance.ts'
import type { Member } from '../member.ts'
import type { OrphanKind } from '../orphan.ts'
import type { InstanceType, ProviderRecord, Region, Template } from '../records.ts'
import type { Step } from '../step.ts'
import type { RowOf } from './rows.ts'

/** Every table of the schema; the columns are the fields of the nouns. */
export type Tables = {
  template: RowOf<Template>
  provider: RowOf<ProviderRecord>
  region: RowOf<Region>
  instance_type: RowOf<InstanceType>
  child: RowOf<Child>
  step: RowOf<Step>
  instance: RowOf<Instance>
  orphan: {
    kind: OrphanKind
    name: string
    provider_id: string | null
    missing: Generated<boolean>
    began_at: Date
    found_at: Date
  }
  bootstrap_token: {
    digest: Buffer
    child_id: string
    purpose: Purpose
    subject: string
    issued_at: Date
    expires_at: Date
    consumed_at: Generated<Date | null>
    consumed_by: Generated<Buffer | null>
    chain: Generated<Buffer[] | null>
  }
  cluster_member: RowOf<Member>
  clone: { child_id: string; identity_fingerprint: Buffer; source_address: string; reported_at: Date }
}

export type SpawnTx = Tx<Tables>
