import { isPermission, PERMISSIONS, Refusal, type Permission } from '@powernode/rpc'

/** One of our own people, or a program that acts for them, as it rests. */
export type Operator = {
  readonly name: string
  readonly kind: 'person' | 'agent'
  readonly roles: readonly string[]
  readonly paused: boolean
  readonly note: string
  readonly oidcSubjects: readonly string[]
  readonly setBy: string
  readonly setAt: Date
}

/** A named set of permissions. */
export type Role = { readonly name: string; readonly permissions: readonly Permission[]; readonly builtIn: boolean }

/** What every operator is known with, at one moment. */
export type Staff = { readonly operators: readonly Operator[]; readonly roles: readonly Role[] }

export const ADMIN = 'admin'
const AGENT = 'agent'
/** What a certificate can name: an operator of another name could never show who it is. */
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/

/** What an operator's roles come to, in the order of the list. A role that is not there gives nothing. */
export function permissionsOf({ roles: held }: Pick<Operator, 'roles'>, roles: readonly Role[]): Permission[] {
  const given = new Set(roles.filter(({ name }) => held.includes(name)).flatMap(({ permissions }) => permissions))
  return PERMISSIONS.filter((permission) => given.has(permission))
}

/** What is said of an operator; an empty kind leaves it as it is. */
export type OperatorSaid = Pick<Operator, 'name' | 'roles' | 'paused' | 'note' | 'oidcSubjects'> & {
  readonly kind: '' | Operator['kind']
}

/** The operator as it is after somebody set it. Whoever is new is a person, unless the role agent says what it is. */
export function setOperator(
  before: Operator | undefined,
  said: OperatorSaid,
  { by, at, roles }: { by: string; at: Date; roles: readonly Role[] },
): Operator {
  if (!NAME.test(said.name)) {
    throw new Refusal('REQUEST_INVALID', `${said.name} cannot be the name in a certificate: a-z, 0-9 and - are`)
  }
  for (const role of said.roles) {
    if (!roles.some(({ name }) => name === role))
      throw new Refusal('ROLE_UNKNOWN', `there is no role ${role}`, {
        metadata: { role },
        next: 'fedctl operator roles',
      })
  }
  const kind = said.kind || (before?.kind ?? (said.roles.includes(AGENT) ? 'agent' : 'person'))
  return { ...said, kind, roles: distinct(said.roles), oidcSubjects: distinct(said.oidcSubjects), setBy: by, setAt: at }
}

/** A role as it is after somebody set it. */
export function setRole(before: Role | undefined, said: { name: string; permissions: readonly string[] }): Role {
  refuseBuiltIn(before)
  const unknown = said.permissions.find((word) => !isPermission(word))
  if (unknown !== undefined) {
    throw new Refusal('REQUEST_INVALID', `there is no permission ${unknown}; there are ${PERMISSIONS.join(', ')}`)
  }
  return { name: said.name, permissions: PERMISSIONS.filter((one) => said.permissions.includes(one)), builtIn: false }
}

export function refuseBuiltIn(role: Role | undefined): void {
  if (!role?.builtIn) return
  throw new Refusal('ROLE_IN_USE', `the role ${role.name} comes with the platform, and stays as it is`, {
    metadata: { role: role.name },
    next: 'give another name to a role of your own',
  })
}

/** Whether a person who may act could still put everything right. */
export function hasAdmin(operators: readonly Operator[]): boolean {
  return operators.some(({ kind, paused, roles }) => kind === 'person' && !paused && roles.includes(ADMIN))
}

/** MUST hold after every change, or nobody could ever change anything again. */
export function refuseWithoutAdmin(operators: readonly Operator[]): void {
  if (hasAdmin(operators)) return
  throw new Refusal('OPERATOR_LAST_ADMIN', 'nobody would be left who is admin, a person, and not paused', {
    next: 'make somebody else admin first: fedctl operator set <name> --role admin',
  })
}

/**
 * Nobody gives, takes or borrows what he does not have: else whoever may manage operators could do everything.
 * `needed` is what the operator or role in question comes to.
 */
export function refuseBeyond(held: ReadonlySet<Permission>, needed: readonly Permission[]): void {
  const missing = needed.filter((permission) => !held.has(permission))
  if (missing.length === 0) return
  throw new Refusal('PERMISSION_MISSING', `this concerns what you may not do yourself: ${missing.join(', ')}`, {
    metadata: { permission: missing.join(' and ') },
    next: 'ask somebody who may, for example an admin',
  })
}

const distinct = (words: readonly string[]): string[] => [...new Set(words)].sort()
