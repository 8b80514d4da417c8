import { fromBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { ChangeIntentRequestSchema, ChangeIntentResponseSchema, type ChangeIntentRequest, type ChangeIntentResponse, type SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts' // prettier-ignore
import { Refusal, requestOf } from '@powernode/rpc'
import { applyActs } from '../intent/apply.ts'
import { isKind, KINDS } from '../intent/columns.ts'
import { Draft } from '../intent/intent.ts'
import type { AnyRecord, Kind, RecordOf } from '../intent/records.ts'
import { anyOf, itemOf } from '../intent/to-wire.ts'
import type { Network } from '../network.ts'
import { readStanding } from '../operations/read-standing.ts'
import * as changes from '../store/changes.ts'
import * as crossings from '../store/crossings.ts'
import * as space from '../store/space.ts'
import { actsOf, changing, otherRequest, sha256Of, withIds } from './acts/change.ts'
import { act, actOrRehearse, look, networkNow, pageOf, type RpcDeps } from './door.ts'
import { networkNamed } from '../named.ts'
import { strictestOf } from './strictest.ts'

type Handlers = Pick<ServiceImpl<typeof SdwanService>, 'changeIntent' | 'listIntent' | 'getIntent'>

/** What operators want of the network. */
export const intentHandlers = (deps: RpcDeps): Handlers => ({
  async changeIntent(said, context) {
    const before = await repeatedOf(deps, said)
    if (before) return before
    const req = withIds(said, deps.clock.now())
    const weighed = await passGate(deps, req, context)
    return changed(deps, req, { context, weighed })
  },

  async listIntent({ kind, network: named, ...page }) {
    if (kind !== '' && !isKind(kind)) throw unknownKind(kind)
    const network = await networkNow(deps)
    const within = named === '' ? undefined : networkNamed(network.intent, named).id
    const kinds = kind === '' ? KINDS : [kind]
    const all = kinds.flatMap((one) => recordsOf(network, one).filter((any) => within === undefined || isWithin(network, any, within))) // prettier-ignore
    const { items, nextPageToken } = pageOf(all, page, ({ kind: of, record }) => `${kind === '' ? placeOf(of) : ''}${record.id}`) // prettier-ignore
    const standing = await look(deps, (tx, now) => readStanding(tx, now, { network }))
    return { items: items.map((any) => itemOf(any, standing)), nextPageToken }
  },

  async getIntent({ kind, id }) {
    if (!isKind(kind)) throw unknownKind(kind)
    const network = await networkNow(deps)
    const found = recordsOf(network, kind).filter(({ record }) => record.id === id)
    const named = found.length > 0 ? found : recordsOf(network, kind).filter(({ record }) => isCalled(record, id))
    const [any, other] = named
    if (!any)
      throw new Refusal('INTENT_NOT_FOUND', `there is no ${kind} ${JSON.stringify(id.slice(0, 64))}`, {
        next: 'fedctl net list',
      })
    if (other) throw new Refusal('INTENT_INVALID', `${named.length} records of kind ${kind} are called so: say the id`)
    const standing = await look(deps, (tx, now) => readStanding(tx, now, { network }))
    return { item: itemOf(any, standing) }
  },
})

/**
 * Waits until it may be done: what it falls under is found out on what is kept in memory. Returns that; it MUST hold when the
 * change is made, since others write meanwhile.
 */
async function passGate(deps: RpcDeps, req: ChangeIntentRequest, context: HandlerContext): Promise<Weighed> {
  if (req.dryRun) return undefined
  const network = await networkNow(deps)
  const prefixes = await look(deps, (tx) => space.find(tx, deps.config.trustDomain))
  const ends = Map.groupBy(await look(deps, (tx) => crossings.ends(tx)), ({ nodeId }) => nodeId)
  const portsInUse = (nodeId: string) => (ends.get(nodeId) ?? []).map(({ listenPort }) => listenPort)
  const ground = { now: deps.clock.now(), by: requestOf(context).actor, accountId: deps.config.trustDomain, portsInUse }
  const { lines, actions } = applyActs(new Draft(network.intent), actsOf(req), { install: '', account: '', ...prefixes, ...ground }) // prettier-ignore
  if (lines.length === 0) return []
  const weighed = req.overrideTestsReason === '' ? actions : [...actions, OVERRIDE]
  const rehearsed = async (): Promise<ChangeIntentResponse> => (await actOrRehearse(deps, true, changing(deps, req, requestOf(context)))).answer // prettier-ignore
  let tried: ChangeIntentResponse | undefined
  await deps.gate.pass(context, {
    action: strictestOf(deps.policies, weighed),
    schema: ChangeIntentRequestSchema,
    request: req,
    approved: async () => {
      tried = await rehearsed()
      return { ...req, planSha256: tried.plan?.sha256 ?? '' }
    },
    summary: `change the network: ${lines.slice(0, 4).join(', ')}${lines.length > 4 ? ` and ${lines.length - 4} more` : ''}`,
    effects: async () => effectsOf(tried ?? (await rehearsed())),
  })
  return weighed
}

/** Whoever may change a record may not by that alone break what somebody else has written down as a test. */
const OVERRIDE = 'sdwan.test_override'

/** The policies that somebody was asked about; undefined: nothing is written. */
type Weighed = readonly string[] | undefined

/** What approvers read: what is written, which nodes it touches, and what it opens and closes. */
function effectsOf({ plan }: ChangeIntentResponse): string[] {
  if (!plan) return []
  const { nodes, gained, lost, gainedTotal, lostTotal, warnings } = plan
  return [
    ...firstOf(plan.changes),
    `touches ${nodes.length} nodes`,
    ...(gainedTotal > 0n ? [`opens ${gainedTotal}: ${gained.slice(0, 5).map((one) => `${one.src} ▸ ${one.dst} ${one.service}`).join(', ')}`] : []), // prettier-ignore
    ...(lostTotal > 0n ? [`closes ${lostTotal}: ${lost.slice(0, 5).map((one) => `${one.src} ▸ ${one.dst} ${one.service}`).join(', ')}`] : []), // prettier-ignore
    ...firstOf(warnings),
  ]
}

const MOST_LINES = 20

/** As many lines as people read, and how many more there are. */
const firstOf = (lines: readonly string[]): readonly string[] =>
  lines.length <= MOST_LINES
    ? lines
    : [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more: the plan has them all`]

async function changed(
  deps: RpcDeps,
  req: ChangeIntentRequest,
  { context, weighed }: { readonly context: HandlerContext; readonly weighed: Weighed },
): Promise<ChangeIntentResponse> {
  const { answer, network } = await actOrRehearse(
    deps,
    req.dryRun,
    changing(deps, req, requestOf(context), { weighed }),
  )
  if (!req.dryRun) deps.compiler.keep(network)
  return answer
}

/** The same request again is answered as it was, and takes no second approval. */
async function repeatedOf(deps: RpcDeps, req: ChangeIntentRequest): Promise<ChangeIntentResponse | undefined> {
  if (req.requestId === '') return undefined
  const before = await act(deps, (tx) => changes.find(tx, req.requestId))
  if (!before) return undefined
  const same = sha256Of(withIds(req, deps.clock.now()))
  if (!before.requestSha256.equals(same)) throw otherRequest(req.requestId)
  return { ...fromBinary(ChangeIntentResponseSchema, before.answer), madeBeforeAt: timestampFromDate(before.at) }
}

const recordsOf = (network: Network, kind: Kind): readonly AnyRecord[] =>
  [...network.intent[kind].values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)).map((record) => anyOf(kind, record as RecordOf<typeof kind>)) // prettier-ignore

/** Kinds follow one another in the order in which they are written; a page token names both. */
const placeOf = (kind: Kind): string => `k_${String.fromCharCode(97 + KINDS.indexOf(kind))}/`

const isCalled = (record: object, name: string): boolean =>
  ('name' in record && record.name === name) || ('slug' in record && record.slug === name)

/** Whether a record belongs to a network: itself, or by what it names. */
function isWithin({ intent }: Network, { kind, record }: AnyRecord, networkId: string): boolean {
  if (kind === 'network') return record.id === networkId
  if (kind === 'port_mapping') return intent.member.get(record.memberId)?.networkId === networkId
  if (kind === 'route_policy')
    return record.scopeNetworkId === networkId || intent.member.get(record.scopeMemberId ?? '')?.networkId === networkId
  if (kind === 'route_leak') return record.sourceNetworkId === networkId || record.destNetworkId === networkId
  if (kind === 'ovn_port' || kind === 'ovn_acl') return intent.ovn_switch.get(record.switchId)?.networkId === networkId
  return 'networkId' in record && record.networkId === networkId
}

const unknownKind = (kind: string): Refusal =>
  new Refusal('INTENT_INVALID', `${JSON.stringify(kind.slice(0, 40))} is no kind of record: ${KINDS.join(', ')}`)
