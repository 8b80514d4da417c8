import { OperatorTable } from '@powernode/operators'
import type { TokenIssuer } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import type { OperatorLookup } from '@powernode/rpc'
import { readDirectory } from '../feed/directory.ts'
import { look, type DoorDeps } from '../rpc/door.ts'
import * as operators from '../store/operators.ts'

/**
 * Our own operators, from our own tables, at every call: what was committed before a call began holds for it.
 *
 * What was read is kept while the feed of operators has not moved, so a call costs one small query.
 */
export function ownOperators(deps: DoorDeps, ownIssuer: TokenIssuer): OperatorLookup {
  let held: { readonly mark: string; readonly table: OperatorTable } | undefined
  return {
    async identify(credentials) {
      const { table } = (held = await look(deps, async (tx) => {
        const mark = await operators.feedMark(tx)
        if (held?.mark === mark) return held
        return { mark, table: new OperatorTable(await readDirectory(tx, ownIssuer)) }
      }))
      return table.identify(credentials, deps.clock.now())
    },
  }
}
