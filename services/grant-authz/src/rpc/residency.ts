import type { ServiceImpl } from '@connectrpc/connect'
import type { Gate } from '@powernode/approvals'
import type { Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import {
  CreateOverrideRequestSchema,
  SetDataResidencyRequestSchema,
  type ResidencyService,
  type SetDataResidencyRequest,
} from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { Refusal, requestOf, type CallersTable } from '@powernode/rpc'
import { consumeOverride, createOverride, revokeOverride } from '../operations/residency/overrides.ts'
import { setDataResidency } from '../operations/residency/set-data-residency.ts'
import { MODES } from '../residency.ts'
import * as overrides from '../store/overrides.ts'
import * as residencies from '../store/residencies.ts'
import type { GrantTx } from '../store/tables.ts'
import { overrideToWire, residencyToWire } from '../wire-residency.ts'
import { act, actOrRehearse, look } from './door.ts'
import { enforce, filterId, peerOf, type GrantDeps } from './grant-door.ts'
import { afterPage, pageSize, pageToken } from './page.ts'
import { overrideSaid, residencySaid } from './residency-approved.ts'
import { ruleHandlers } from './residency-rules.ts'
import { whatIfHandler, type WhatIfDeps } from './what-if.ts'

export type ResidencyDeps = Pick<GrantDeps, 'db' | 'clock' | 'policyFeed' | 'registry'> &
  WhatIfDeps & { readonly gate: Gate }

const READ = ['system.federation.read'] as const
const MANAGE = ['system.federation_residency.manage'] as const

/** Who may call each RPC. */
export const RESIDENCY_CALLERS = {
  setDataResidency: MANAGE,
  listResidencies: [...READ, 'service/liveness'],
  getResidencyRules: [...READ, 'service/liveness'],
  setResidencyRule: MANAGE,
  removeResidencyRule: MANAGE,
  setRegion: MANAGE,
  removeRegion: MANAGE,
  setDefaultMode: MANAGE,
  whatIf: READ,
  createOverride: MANAGE,
  listOverrides: READ,
  revokeOverride: MANAGE,
  consumeOverride: ['service/federation-gateway'],
} as const satisfies CallersTable<typeof ResidencyService>

export const residencyHandlers = (deps: ResidencyDeps): ServiceImpl<typeof ResidencyService> => ({
  ...ruleHandlers(deps),
  ...whatIfHandler(deps),

  async setDataResidency(request, context) {
    const peer = await peerOf(deps, request.peerId.toLowerCase(), context.signal)
    const pinning = { ...request, located: locatedNow(request, peer) }
    const said = residencySaid(pinning)
    const verb = (tx: GrantTx, now: Date) => setDataResidency(tx, now, { ...said, by: requestOf(context) })
    await actOrRehearse(deps, true, verb) // what cannot be done is refused before anybody is asked to approve it
    const where = said.tag === undefined ? 'may go anywhere that the rules allow' : `has to stay in ${said.tag}`
    await deps.gate.pass(context, {
      action: 'sdwan.federation_peer_data_residency',
      schema: SetDataResidencyRequestSchema,
      request: pinning, // so that what is approved is what approvers read, whatever the peer declares meanwhile
      summary: `data that goes to peer ${said.peerId} ${where}`,
      effects: [
        `mode: ${said.mode || (said.tag === undefined ? 'the default' : MODES[2])}`,
        `reason: ${said.reason}`,
        ...(said.tag === undefined ? [] : [`accepted as its place: ${shownPlace(said.located)}`]),
      ],
      peerId: said.peerId,
    })
    const { signal } = context
    const { result, ...enforcement } = await enforce(deps, { dryRun: request.dryRun, signal }, verb)
    return { residency: residencyToWire(result), ...enforcement }
  },

  listResidencies: ({ peerId, pageSize: size, pageToken: token }) =>
    look(deps, async (tx) => {
      const limit = pageSize(size)
      const found = await residencies.after(tx, {
        peerId: filterId(peerId) || undefined,
        last: afterPage(token),
        limit: limit + 1,
      })
      return {
        residencies: found.slice(0, limit).map(residencyToWire),
        nextPageToken: pageToken(found.length > limit ? found[limit - 1]?.peerId : undefined),
      }
    }),

  async createOverride(request, context) {
    const said = overrideSaid(request)
    await peerOf(deps, said.peerId, context.signal)
    const verb = async (tx: GrantTx, now: Date) => {
      const override = await createOverride(tx, now, { ...said, by: requestOf(context) })
      return { override: overrideToWire(override, now) }
    }
    await actOrRehearse(deps, true, verb)
    const what = `${said.resourceKind}${said.resourceId === '' ? '' : ` ${said.resourceId}`}`
    await deps.gate.pass(context, {
      action: 'federation.residency_override',
      schema: CreateOverrideRequestSchema,
      request,
      summary: `one call of peer ${said.peerId} for ${what} is allowed although residency forbids it`,
      effects: [`reason: ${said.reason}`],
      peerId: said.peerId,
    })
    // Every gateway knows of it when the call returns: it can be used at once.
    const { signal } = context
    return (await enforce(deps, { dryRun: request.dryRun, signal }, verb)).result
  },

  listOverrides: ({ peerId, pageSize: size, pageToken: token }) =>
    look(deps, async (tx, now) => {
      const limit = pageSize(size)
      const found = await overrides.before(tx, {
        peerId: filterId(peerId) || undefined,
        last: afterPage(token),
        limit: limit + 1,
      })
      return {
        overrides: found.slice(0, limit).map((override) => overrideToWire(override, now)),
        nextPageToken: pageToken(found.length > limit ? found[limit - 1]?.id : undefined),
      }
    }),

  revokeOverride: ({ overrideId, dryRun }, context) =>
    actOrRehearse(deps, dryRun, async (tx, now) => {
      const override = await revokeOverride(tx, now, { by: requestOf(context), id: overrideId.toLowerCase() })
      return { override: overrideToWire(override, now) }
    }),

  consumeOverride: ({ overrideId, decisionId }, context) =>
    act(deps, async (tx, now) => {
      const said = { by: requestOf(context), id: overrideId.toLowerCase(), decisionId: decisionId.toLowerCase() }
      return { consumed: await consumeOverride(tx, now, said) }
    }),
})

/** What is pinned beside a tag: the place that the peer declares now. Who expects another is told before anything is done. */
function locatedNow({ dataResidency, located }: SetDataResidencyRequest, { dataResidency: declared }: Peer): string {
  if (dataResidency === '') return ''
  if (located === '' || located === declared) return declared
  const sentence = `the peer says it is in ${shownPlace(declared)}, not in ${shownPlace(located)}`
  throw new Refusal('REQUEST_INVALID', sentence, { metadata: { declared, located } })
}

const shownPlace = (place: string): string => (place === '' ? 'none that it names' : JSON.stringify(place))
