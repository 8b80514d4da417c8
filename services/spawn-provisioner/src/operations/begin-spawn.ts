import type { JsonObject } from '@bufbuild/protobuf'
import { newId } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Child, SpawnMode } from '../child.ts'
import { placeOf, type Place } from '../place.ts'
import { mostInstances } from '../provider-limit.ts'
import type { Template } from '../records.ts'
import { stepsOf } from '../step.ts'
import * as children from '../store/children.ts'
import * as instances from '../store/instances.ts'
import * as providers from '../store/providers.ts'
import * as steps from '../store/steps.ts'
import type { SpawnTx } from '../store/tables.ts'
import * as templates from '../store/templates.ts'
import { tell, type By } from './tell.ts'

export type SpawnWanted = {
  readonly by: By
  /** Drawn by whoever holds the child before it is there. */
  readonly id: string
  readonly requestId: string
  readonly requestSha256: Buffer
  readonly spawnMode: SpawnMode
  readonly template: string
  readonly region: string
  readonly instanceType: string
  readonly hostname: string
  readonly parentUrl: string
  readonly tokenTtlMs: number
  readonly proposedRoutes: readonly string[]
  readonly proposedCapabilities: JsonObject
  readonly limits: { readonly maxChildren: number; readonly bootDeadlineMs: number }
}

export type Begun = {
  readonly child: Child
  /** False: this very request was made before. */
  readonly isNew: boolean
  readonly place: Place
  readonly template: Template
}

/**
 * Writes down a child that is to be made, with every step and its machine, before anybody else has heard of it: what is
 * done from here on can be undone, whoever crashes. Heard by audit-ledger.
 */
export async function beginSpawn(tx: SpawnTx, now: Date, wanted: SpawnWanted): Promise<Begun> {
  await children.takeTurn(tx)
  const template = await usableTemplate(tx, wanted.template)
  const offers = await providers.offers(tx)
  const place = placeOf(offers, { region: wanted.region, type: wanted.instanceType, template })
  const before = await children.findByRequest(tx, wanted.requestId)
  if (before) return { child: sameRequest(before, wanted), isNew: false, place, template }
  await withinLimits(tx, wanted, place)
  const child = newChild(now, wanted, { place, template })
  await children.insert(tx, child)
  await steps.insert(
    tx,
    stepsOf(child.spawnMode).map((name, position) => ({
      childId: child.id,
      position,
      name,
      status: 'pending' as const,
      attempts: 0,
      startedAt: null,
      finishedAt: null,
      detail: '',
    })),
  )
  await instances.insert(tx, newInstance(now, child))
  await tell(tx, 'requested', { child, at: now, by: wanted.by })
  await children.ring(tx, child.id)
  return { child, isNew: true, place, template }
}

async function usableTemplate(tx: SpawnTx, named: string): Promise<Template> {
  const template = await templates.find(tx, named)
  if (template && template.retiredAt === null) return template
  throw new Refusal('TEMPLATE_NOT_FOUND', template ? `the template ${named} is retired` : `no template is ${named}`, {
    next: 'fedctl template list',
  })
}

function sameRequest(before: Child, { requestId, requestSha256 }: SpawnWanted): Child {
  if (before.requestSha256.equals(requestSha256)) return before
  throw new Refusal('REQUEST_INVALID', `the request ${requestId} was made for ${before.hostname}, and said otherwise`)
}

async function withinLimits(tx: SpawnTx, { hostname, limits }: SpawnWanted, { provider }: Place): Promise<void> {
  const same = await children.findLivingByHostname(tx, hostname)
  if (same)
    throw new Refusal('CHILD_EXISTS', `a living child is called ${hostname}`, { next: `fedctl child show ${hostname}` })
  const { all, at } = await children.count(tx)
  if (all >= limits.maxChildren) throw quota(`${all} children live, and no more than ${limits.maxChildren} may`)
  const most = mostInstances(provider.config)
  const here = at.get(provider.id) ?? 0
  if (most !== undefined && here >= most)
    throw quota(`${provider.name} has ${here} instances, and may have no more than ${most}`)
}

const quota = (why: string): Refusal => new Refusal('CHILD_QUOTA_REACHED', why, { next: 'fedctl child list' })

function newChild(now: Date, wanted: SpawnWanted, { place, template }: { place: Place; template: Template }): Child {
  return {
    id: wanted.id,
    requestId: wanted.requestId,
    requestSha256: wanted.requestSha256,
    hostname: wanted.hostname,
    spawnMode: wanted.spawnMode,
    state: 'preparing',
    reason: 'asked for',
    since: now,
    ending: null,
    peerId: null,
    instanceId: newId(now),
    platformId: null,
    templateId: template.id,
    providerId: place.provider.id,
    regionId: place.region.id,
    instanceTypeId: place.type.id,
    parentUrl: wanted.parentUrl,
    proposedRoutes: wanted.proposedRoutes,
    proposedCapabilities: wanted.proposedCapabilities,
    tokenTtlMs: wanted.tokenTtlMs,
    invitationExpiresAt: null,
    bootDeadline: new Date(now.getTime() + Math.max(wanted.limits.bootDeadlineMs, wanted.tokenTtlMs)),
    stampDueAt: null,
    createdBy: wanted.by.actor,
    requestTrace: wanted.by.requestId ?? '',
    createdAt: now,
    updatedAt: now,
    revision: 1,
  }
}

const newInstance = (now: Date, child: Child) => ({
  id: child.instanceId,
  childId: child.id,
  hostname: child.hostname,
  providerId: child.providerId,
  regionId: child.regionId,
  instanceTypeId: child.instanceTypeId,
  state: 'creating' as const,
  reason: '',
  since: now,
  progress: '',
  progressAt: null,
  providerRef: '',
  createdAt: now,
  revision: 1,
})
