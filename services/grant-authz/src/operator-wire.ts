import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  OperatorSchema,
  RoleSchema,
  type Operator as WireOperator,
  type Role as WireRole,
} from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { permissionsOf, type Operator, type Role } from './operator.ts'

/** An operator as answers, events and the feed carry it, with what its roles come to. */
export function operatorToWire(operator: Operator, roles: readonly Role[]): WireOperator {
  const { name, kind, paused, note, setBy, setAt, oidcSubjects } = operator
  return create(OperatorSchema, {
    name,
    kind,
    paused,
    note,
    setBy,
    setAt: timestampFromDate(setAt),
    roles: [...operator.roles],
    oidcSubjects: [...oidcSubjects],
    permissions: permissionsOf(operator, roles),
  })
}

export function roleToWire({ name, permissions, builtIn }: Role): WireRole {
  return create(RoleSchema, { name, permissions: [...permissions], builtIn })
}
