import type { Client } from '@connectrpc/connect'
import { ResidencyRules } from '@powernode/policy'
import type { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import type { Residency } from '../findings/evidence.ts'
import { everyPage } from './every-page.ts'

/** Where data that goes to peers has to stay, and what they say; by peer. Judged by the very rules that judge a call. */
export async function readResidencies(
  residency: Client<typeof ResidencyService>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Residency>> {
  const { rules: said } = await residency.getResidencyRules({}, { signal })
  const { defaultMode = '', homeRegion = '', regions = [] } = said ?? {}
  const rules = new ResidencyRules({ defaultMode, homeRegion, regions, rules: [] })
  const rows = await everyPage(async (page) => {
    const { residencies: items, nextPageToken: next } = await residency.listResidencies(page, { signal })
    return { items, next }
  })
  return new Map(
    rows.map(({ peerId, dataResidency: tag, declared }) => {
      const isOutside = tag !== '' && declared !== '' && !rules.liesIn(declared, tag)
      return [peerId, { tag, declared, isOutside }]
    }),
  )
}
