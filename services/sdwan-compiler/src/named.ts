import { Refusal } from '@powernode/rpc'
import type { Intent } from './intent/intent.ts'
import type { RecordOf } from './intent/records.ts'

/** The network with this id, slug or name. */
export function networkNamed({ network }: Intent, named: string): RecordOf<'network'> {
  const found = network.get(named) ?? [...network.values()].find(({ slug, name }) => slug === named || name === named)
  if (found) return found
  throw new Refusal('INTENT_NOT_FOUND', `there is no network ${JSON.stringify(named.slice(0, 64))}`, {
    next: 'fedctl net list',
  })
}
