import { toBinary } from '@bufbuild/protobuf'
import { ResidencyRulesSchema } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import * as regions from '../../store/regions.ts'
import * as rules from '../../store/residency-rules.ts'
import type { GrantTx } from '../../store/tables.ts'
import { rulesToWire } from '../../wire-residency.ts'

/** Gateways are told rules and regions as a whole, in one message: a page of the policy feed takes twice this. */
const MOST_BYTES = 256 * 1024

/** Refuses what would make rules and regions more than gateways can be told. To be asked when all is written. */
export async function checkWhole(tx: GrantTx): Promise<void> {
  const [settings, all, known] = [await rules.settings(tx), await rules.all(tx), await regions.all(tx)]
  const bytes = toBinary(
    ResidencyRulesSchema,
    rulesToWire({ settings, rules: all, regions: [...known.values()] }),
  ).length
  if (bytes <= MOST_BYTES) return
  throw new Refusal(
    'REQUEST_INVALID',
    `rules and regions would be ${bytes} bytes, and gateways are told ${MOST_BYTES} at most: remove some first`,
  )
}
