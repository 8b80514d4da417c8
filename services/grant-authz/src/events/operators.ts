import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import { OperatorChangedSchema, RoleChangedSchema } from '@powernode/proto/powernode/operator/v1/events_pb.ts'
import type { Cause } from '../events.ts'
import { operatorToWire, roleToWire } from '../operator-wire.ts'
import type { Operator, Role } from '../operator.ts'

type Staffed = { readonly before?: Operator | undefined; readonly roles: readonly Role[] }

/** An operator is known, or is another than before. That somebody gains power over all of it is graver news. */
export function operatorSet(
  { before, after, roles }: Staffed & { readonly after: Operator },
  at: Date,
  cause: Cause,
): Announcement {
  const operator = operatorToWire(after, roles)
  const previous = before && operatorToWire(before, roles)
  const gainsPower = operator.permissions.some((one) => POWERS.includes(one) && !previous?.permissions.includes(one))
  const payload = create(OperatorChangedSchema, { operator, ...(previous && { previous }) })
  const severity = gainsPower ? 'high' : 'medium'
  return { noun: 'operator', word: 'set', id: after.name, severity, at, payload, ...cause }
}

/** An operator is one no more. */
export function operatorRemoved(
  { before, roles }: Staffed & { readonly before: Operator },
  at: Date,
  cause: Cause,
): Announcement {
  const payload = create(OperatorChangedSchema, { previous: operatorToWire(before, roles) })
  return { noun: 'operator', word: 'removed', id: before.name, severity: 'medium', at, payload, ...cause }
}

/** Somebody was given a token to speak as an operator. */
export function tokenIssued(operator: Operator, roles: readonly Role[], at: Date, cause: Cause): Announcement {
  const payload = create(OperatorChangedSchema, { operator: operatorToWire(operator, roles) })
  return { noun: 'operator', word: 'token-issued', id: operator.name, severity: 'medium', at, payload, ...cause }
}

/** A role is made, comes to something else, or is no more. */
export function roleChanged(role: Role, word: 'role-set' | 'role-removed', at: Date, cause: Cause): Announcement {
  const payload = create(RoleChangedSchema, { role: roleToWire(role) })
  return { noun: 'operator', word, id: role.name, severity: 'medium', at, payload, ...cause }
}

/** Whoever has these can give himself the rest. */
const POWERS: readonly string[] = ['system.operators.manage', 'system.federation_ca.manage']
