import { create } from '@bufbuild/protobuf'
import { durationMs, type Duration } from '@bufbuild/protobuf/wkt'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import {
  PeerResidencySchema,
  type PeerResidency,
  type ResidencyRule as WireRule,
} from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { ResidencyService, WhatIfRequest } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { Refusal, within } from '@powernode/rpc'
import { pastDecisions, type Ledger } from '../ledger/past-decisions.ts'
import { requireRule } from '../operations/residency/set-residency-rule.ts'
import { requireRegion, type Regions } from '../region.ts'
import { checkRule, modeFrom } from '../residency.ts'
import * as regions from '../store/regions.ts'
import { residencyPolicy } from '../store/residency-pages.ts'
import * as rules from '../store/residency-rules.ts'
import type { GrantTx } from '../store/tables.ts'
import { isUuid } from '../uuid.ts'
import { asked, NOTHING_ASKED, tryOut } from '../what-if.ts'
import { ruleFromWire, ruleToWire } from '../wire-residency.ts'
import { look, type DoorDeps } from './door.ts'
import { peerOf, type GrantDeps } from './grant-door.ts'

export type WhatIfDeps = DoorDeps & Pick<GrantDeps, 'registry'> & { readonly ledger: Ledger }

const MOST_MS = 30 * 86_400_000
/** The id of a rule that is only tried: no rule of ours has it. */
const TRIED = 'tried'

/** So many at a time, whoever asks: each may have the ledger read a month of decisions. */
const AT_ONCE = 2

/** Asks the past again: nothing is changed, and no more than a page of decisions is looked at at once. */
export function whatIfHandler(deps: WhatIfDeps): Pick<ServiceImpl<typeof ResidencyService>, 'whatIf'> {
  let underway = 0
  return {
    async whatIf(request, context) {
      if (underway >= AT_ONCE)
        throw new Refusal('RATE_LIMITED', `${AT_ONCE} of these are answered at a time`, { retryAfterMs: 5_000 })
      underway += 1
      try {
        return await whatIf(deps, request, context)
      } finally {
        underway -= 1
      }
    },
  }
}

async function whatIf(deps: WhatIfDeps, { rule, residency, peerId, since }: WhatIfRequest, context: HandlerContext) {
  const located = residency && (await declaredBy(deps, residency.peerId, context.signal))
  const policy = await look(deps, async (tx) => {
    const known = await regions.all(tx)
    const tried = {
      rule: rule && (await ruleToTry(tx, known, rule)),
      residency: residency && residencyToTry(known, { ...residency, located: located ?? '' }),
    }
    return tryOut(await residencyPolicy(tx), tried)
  })
  const until = deps.clock.now()
  const range = { peerId, since: new Date(until.getTime() - backMs(since)), until }
  let answer = NOTHING_ASKED
  for await (const page of pastDecisions(deps.ledger, range, within(context))) answer = asked(answer, policy, page)
  return { ...answer, changed: [...answer.changed] }
}

async function ruleToTry(tx: GrantTx, known: Regions, said: WireRule): Promise<WireRule> {
  const rule = ruleFromWire(said)
  if (rule.id !== '') requireRule(await rules.all(tx), rule.id)
  checkRule(known, rule)
  return ruleToWire({ ...rule, id: rule.id || TRIED })
}

function residencyToTry(known: Regions, { peerId, tag, mode, located }: PeerResidency): PeerResidency {
  if (tag !== '') requireRegion(known, tag)
  return create(PeerResidencySchema, { peerId, tag, mode: modeFrom(mode), located })
}

/** What would be pinned if a tag were set now. */
async function declaredBy(deps: WhatIfDeps, peerId: string, signal: AbortSignal): Promise<string> {
  if (!isUuid(peerId)) throw new Refusal('PEER_NOT_FOUND', `${JSON.stringify(peerId)} is no id of a peer`)
  return (await peerOf(deps, peerId, signal)).dataResidency
}

function backMs(since: Duration | undefined): number {
  const ms = since ? durationMs(since) : MOST_MS
  if (ms > 0 && ms <= MOST_MS) return ms
  throw new Refusal('REQUEST_INVALID', 'since: decisions of the last 30 days can be asked again, and no others')
}
