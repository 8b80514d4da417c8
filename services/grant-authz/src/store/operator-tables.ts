import type { Generated } from 'kysely'
import type { Operator } from '../operator.ts'
import type { Permission } from '@powernode/rpc'

export type RoleRow = { name: string; permissions: readonly Permission[]; built_in: boolean }

export type OperatorRow = {
  name: string
  kind: Operator['kind']
  paused: boolean
  note: string
  set_by: string
  set_at: Date
}

export type TokenIssuerRow = {
  one: Generated<boolean>
  issuer: string
  audience: string
  algorithms: readonly string[]
  jwks: string
  confirmed_at: Date | null
}

export type OperatorTables = {
  role: RoleRow
  operator: OperatorRow
  operator_role: { operator: string; role: string }
  operator_subject: { subject: string; operator: string }
  token_issuer: TokenIssuerRow
}
