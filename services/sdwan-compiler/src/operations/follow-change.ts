import { newId } from '@powernode/postgres'
import type { By } from '../by.ts'
import type { Difference, Intent } from '../intent/intent.ts'
import type { RecordOf } from '../intent/records.ts'
import { mintNetworkSecret, networkSecretContext } from '../secrets.ts'
import * as assignments from '../store/virtual-ip-assignments.ts'
import * as secrets from '../store/network-secrets.ts'
import type { SdwanTx } from '../store/tables.ts'
import type { Sealing } from './settle-offers.ts'

type NewNetworks = { readonly networks: readonly RecordOf<'network'>[]; readonly sealing: Sealing }

/** Every new network has a secret of its own, whether preshared keys are wanted now or later. */
export async function keepSecrets(tx: SdwanTx, _now: Date, { networks, sealing }: NewNetworks): Promise<void> {
  for (const { id } of networks)
    await secrets.insert(tx, id, sealing.seal(mintNetworkSecret(), networkSecretContext(id)))
}

type Passing = { readonly before: Intent; readonly difference: Difference; readonly by: By; readonly reason?: string }

/** Who holds a virtual IP is noted with its change: from when to when, and why. */
export async function passOnVirtualIps(
  tx: SdwanTx,
  now: Date,
  { before, difference, by, reason = 'changed' }: Passing,
): Promise<void> {
  // prettier-ignore
  const { inserted, updated } = difference.virtual_ip
  for (const record of [...inserted, ...updated]) {
    const was = holdingOf(before.virtual_ip.get(record.id))
    const is = holdingOf(record)
    const [left, come] = [was.filter((id) => !is.includes(id)), is.filter((id) => !was.includes(id))]
    if (left.length > 0) await assignments.close(tx, record.id, left, now)
    for (const memberId of come)
      await assignments.open(tx, { id: newId(now), virtualIpId: record.id, memberId, at: now, reason, by: by.actor })
  }
}

/** The head of its list holds it; with anycast all do. */
const holdingOf = (record: RecordOf<'virtual_ip'> | undefined): readonly string[] =>
  record === undefined ? [] : record.anycast ? record.holders : record.holders.slice(0, 1)
