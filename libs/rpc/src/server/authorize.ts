import type { DescMethod } from '@bufbuild/protobuf'
import { callerText, type Caller } from '../calls/caller.ts'
import type { Origin } from './call-record.ts'
import { Refusal } from '../errors/refusal.ts'
import type { CallerName, Mount } from './mount.ts'

/**
 * Refuses everybody whom the table does not name. Runs on the headers alone: what a stranger sends is never read.
 *
 * Deny by default: a method without a row is a fault of ours and refuses too.
 */
export function authorizer(mounts: readonly Mount[]): (origin: Origin, method: DescMethod) => void {
  const callersOf = new Map(mounts.map((mount) => [mount.service.typeName, mount]))
  return ({ caller, problem = NOBODY }, method) => {
    if (!caller) {
      throw new Refusal('CERTIFICATE_NOT_TRUSTED', `your certificate is not accepted here: ${problem}`)
    }
    const mount = callersOf.get(method.parent.typeName)
    const allowed = mount?.callers ? mount.callers[method.localName] : mount && EVERYBODY
    if (!allowed?.some((name) => isMeant(name, caller))) {
      throw new Refusal(
        'CALLER_NOT_ALLOWED',
        `${callerText(caller)} may not call ${method.parent.typeName}/${method.name}`,
        {
          metadata: { caller: callerText(caller), rpc: `${method.parent.typeName}/${method.name}` },
        },
      )
    }
  }
}

const NOBODY = 'it names neither a service nor an operator of this platform'
const EVERYBODY = ['*'] as const

function isMeant(name: CallerName | '*', caller: Caller): boolean {
  return name === '*' || (caller.kind === 'operator' ? name === 'operator' : name === callerText(caller))
}
