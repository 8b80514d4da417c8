import type { Holder } from '../calls/caller.ts'
import type { OperatorLookup } from '../server/operator-lookup.ts'
import { PERMISSIONS, type Permission } from '../server/permissions.ts'

/** A caller as a test names it. An operator may do everything, and is a person, unless the test says otherwise. */
export type TestCaller = Holder & {
  readonly permissions?: readonly Permission[]
  readonly agent?: boolean
  readonly heldBy?: string
}

/** Knows every operator, whatever its name, by what the test says of it; takes no tokens. */
export const everyOperator: OperatorLookup = {
  async identify({ holder }) {
    const { name, permissions = PERMISSIONS, agent = false, heldBy }: TestCaller = holder
    return {
      kind: 'operator',
      name,
      permissions: new Set(permissions),
      agent,
      by: 'certificate',
      ...(heldBy && { heldBy }),
    }
  },
}
