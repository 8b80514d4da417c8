import type { VirtualIp } from '@powernode/proto/powernode/sdwan/v1/routing_pb.ts'
import type { ChangePlan } from '@powernode/proto/powernode/sdwan/v1/plan_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { By } from '../by.ts'
import type { RecordOf } from '../intent/records.ts'
import type { Network, NetworkCompiler } from '../network.ts'
import type { SdwanTx } from '../store/tables.ts'
import * as state from '../store/intent-state.ts'
import { changeIntent } from './change-intent.ts'
import { readNetwork } from './read-network.ts'
import type { Sealing } from './settle-offers.ts'

type Said = {
  readonly by: By
  readonly virtualIpId: string
  readonly reason: string
  readonly compiler: NetworkCompiler
  readonly sealing: Sealing
  readonly accountId: string
}

export type FailedOver = {
  readonly virtualIp: VirtualIp
  readonly plan: ChangePlan | undefined
  readonly network: Network
}

/** The next in line takes a virtual IP over; who held it goes to the end of the line. With anycast all hold it, and nobody can. */
export async function failOver(tx: SdwanTx, now: Date, said: Said): Promise<FailedOver> {
  const { by, virtualIpId, reason, compiler, sealing, accountId } = said
  await state.takeTurn(tx)
  const before = (await readNetwork(tx, now, { compiler })).intent.virtual_ip.get(virtualIpId)
  if (!before)
    throw new Refusal('INTENT_NOT_FOUND', `there is no virtual IP ${virtualIpId}`, { next: 'fedctl net vip list' })
  const after = passedOn(before)
  const { answer, network } = await changeIntent(tx, now, {
    by,
    compiler,
    sealing,
    accountId,
    reason,
    acts: [{ act: 'put', field: '', put: { kind: 'virtual_ip', id: before.id, version: 0, complete: () => after } }],
  })
  const [item] = answer.items
  if (item?.kind.case !== 'virtualIp') throw new Error('a virtual IP that passed on is none')
  return { virtualIp: item.kind.value, plan: answer.plan, network }
}

function passedOn({ name, holders, failover, anycast, ...rest }: RecordOf<'virtual_ip'>) {
  if (anycast)
    throw new Refusal('INTENT_INVALID', `${name} is anycast: all its holders hold it`, {
      next: 'take a holder off its list',
    })
  const [next, ...others] = failover
  if (next === undefined)
    throw new Refusal('INTENT_INVALID', `nobody is in line for ${name}`, { next: 'fedctl net vip show' })
  const [holder, ...further] = holders
  const { networkId, cidr, med, localPref } = rest
  return { name, networkId, cidr, med, localPref, anycast, holders: [next, ...further], failover: holder === undefined ? others : [...others, holder] } // prettier-ignore
}
