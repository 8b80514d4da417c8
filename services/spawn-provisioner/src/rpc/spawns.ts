import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { inTransaction, newId } from '@powernode/postgres'
import type { GetPlatformResponse } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { SpawnChildRequest, SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { withoutToken } from '@powernode/payload'
import { Refusal, refusalOf, requestOf, within } from '@powernode/rpc'
import { isUnspoken, type Child } from '../child.ts'
import { claimPayload } from '../operations/owe-payload.ts'
import { readSpawn } from '../operations/read-spawn.ts'
import { planOf } from '../plan.ts'
import { claimOf, replaceToken } from '../saga/boot-invitation.ts'
import { limited } from '../saga/limited.ts'
import { payloadOf } from '../saga/payload.ts'
import * as children from '../store/children.ts'
import type { SpawnTx } from '../store/tables.ts'
import { MODES } from '../wire.ts'
import { spawn, spawning, type Asked } from './acts/spawn.ts'
import { terminate, terminating } from './acts/terminate.ts'
import { act, actOrRehearse, look, type RpcDeps } from './door.ts'
import { shown } from './shown.ts'

type Handlers = Pick<ServiceImpl<typeof SpawnService>, 'spawnChild' | 'terminateChild' | 'rotateToken' | 'resumeSpawn'>

/** What makes and ends children. */
export const spawnHandlers = (deps: RpcDeps): Handlers => ({
  async spawnChild(req, context) {
    const platform = await deps.registry.getPlatform({}, within(context))
    const asked = { ...askedBy(deps, req, platform), by: requestOf(context) }
    const plan = () => rehearsed(deps, asked, { platform, context })
    await deps.gate.pass(context, spawning(req, { rehearse: async () => (await plan()).plan }))
    if (req.dryRun) return plan()
    await plan()
    return begun(deps, asked, { platform, context })
  },

  async terminateChild(req, context) {
    const doing = (tx: SpawnTx, now: Date) => terminate(tx, now, { by: requestOf(context), req })
    await deps.gate.pass(context, terminating(req, { rehearse: () => actOrRehearse(deps, true, doing) }))
    return actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { child, effects } = await doing(tx, now)
      return { child: await shown(deps, tx, child), effects: [...effects] }
    })
  },

  async rotateToken(req, context) {
    const { child, claim } = await actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const found = stampable(await children.resolve(tx, req.child))
      if ((await readSpawn(tx, found.id)).instance.providerRef === '') throw beingMade(found)
      const claimed = claimOf(found.id, now)
      const owing = await claimPayload(tx, now, claimed)
      if (!owing) throw beingReplaced(found)
      return { child: owing, claim: claimed }
    })
    if (req.dryRun) return { child: await look(deps, (tx) => shown(deps, tx, child)) }
    const spawned = await look(deps, (tx) => readSpawn(tx, child.id))
    const asked = { signal: context.signal, by: requestOf(context) }
    const acceptanceToken = await replaceToken(deps, { claim, spawn: spawned }, asked)
    const wire = await look(deps, async (tx) => shown(deps, tx, await children.resolve(tx, child.id)))
    return { child: wire, acceptanceToken }
  },

  resumeSpawn: (req) =>
    act(deps, async (tx) => {
      const child = await children.resolve(tx, req.child)
      await children.ring(tx, child.id)
      return { child: await shown(deps, tx, child) }
    }),
})

const READY_MS = 30_000

export const askedBy = (
  { config }: Pick<RpcDeps, 'config'>,
  req: SpawnChildRequest,
  platform: GetPlatformResponse,
): Omit<Asked, 'by'> => ({
  req,
  platform,
  limits: { maxChildren: config.maxChildren, bootDeadlineMs: config.bootDeadlineMs },
})

type Around = { readonly platform: GetPlatformResponse; readonly context: HandlerContext }

/** Everything is tried that can be tried without doing it: a spawn that must fail is refused before it is begun. */
async function rehearsed(deps: RpcDeps, asked: Asked, { platform, context }: Around) {
  const { child, isNew, place, template } = await actOrRehearse(deps, true, (tx, now) => spawn(tx, now, asked))
  const plan = planOf(child, place, { template, trustDomain: platform.platform?.trustDomain ?? '' })
  if (!isNew) return { child: await look(deps, (tx) => shown(deps, tx, child)), plan: [...plan] }
  const provider = deps.providers.of(place.provider)
  const unfit = provider.unfit?.(child.spawnMode)
  if (unfit !== undefined)
    throw new Refusal('REPLICATION_NOT_CONFIGURED', `${place.provider.name} makes no ${child.spawnMode}: ${unfit}`, {
      next: 'fedctl provider list, and name a region of one that runs processes: --region <region>',
    })
  const { clock } = deps
  const ask = (until: AbortSignal) => provider.ready(until)
  const what = `${place.provider.name}: whether it is ready`
  const unready = await limited({ clock, ms: READY_MS, what }, ask, context.signal)
  if (unready !== undefined)
    throw new Refusal('PROVIDER_NOT_READY', `${place.provider.name} cannot make instances now: ${unready}`, {
      next: 'fedctl provider list',
    })
  const without = child.spawnMode === 'cluster_member' ? await deps.replication.ready(context.signal) : undefined
  if (without !== undefined) throw new Refusal('REPLICATION_NOT_CONFIGURED', without)
  await deps.registry.prepareChild(
    {
      spawnId: child.id,
      spawnMode: MODES[child.spawnMode],
      name: child.hostname,
      instanceId: child.instanceId,
      tokenTtl: { seconds: BigInt(Math.round(child.tokenTtlMs / 1_000)) },
      onBehalfOf: asked.by.actor,
      dryRun: true,
    },
    within(context),
  )
  return { child: await look(deps, (tx) => shown(deps, tx, child)), plan: [...plan] }
}

/** Begins it, and waits for its token: it is shown to whoever asked, once. The rest is done in the background. */
async function begun(deps: RpcDeps, asked: Asked, { platform, context }: Around) {
  const { attendants, tokens } = deps
  const id = newId(deps.clock.now())
  await attendants.reserve(id, context.signal)
  const { child, isNew } = await act(deps, (tx, now) => spawn(tx, now, { ...asked, id })).catch(
    async (error: unknown) => {
      await attendants.abandon(id)
      throw error
    },
  )
  if (!isNew) {
    await attendants.abandon(id)
    return { child: await look(deps, (tx) => shown(deps, tx, child)) }
  }
  const expected = tokens.expect(id)
  attendants.begin(id)
  const acceptanceToken = await orGivenUp(expected, context.signal)
  const spawned = await inTransaction(deps.db, (tx) => readSpawn(tx, id))
  const payload = withoutToken(
    payloadOf({ ...spawned, child: await withPeer(deps, spawned.child) }, platform, acceptanceToken),
  )
  const wire = await look(deps, async (tx) => shown(deps, tx, await children.resolve(tx, id)))
  return { child: wire, acceptanceToken, spawnPayload: payload }
}

/** The token is there a moment before the peer is written down beside the child. */
async function withPeer({ db, news, clock }: RpcDeps, child: Child): Promise<Child> {
  const giveUp = new AbortController()
  for await (const _ of news.looks(clock, giveUp.signal)) {
    const found = await inTransaction(db, (tx) => children.find(tx, child.id))
    if (!found || found.peerId !== null) return found ?? child
    if (found.ending !== null) throw new Refusal('CHILD_STATE_FORBIDS', `${child.hostname}: ${found.reason}`)
  }
  return child
}

async function orGivenUp(token: Promise<string>, signal: AbortSignal): Promise<string> {
  const aborted = Promise.withResolvers<never>()
  const giveUp = () =>
    aborted.reject(
      new Refusal('DEADLINE_EXCEEDED', 'the spawn goes on; its token can be shown no more', {
        next: 'fedctl child list, then: fedctl child rotate-token <child>',
      }),
    )
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await Promise.race([token, aborted.promise])
  } catch (error) {
    throw refusalOf(error) ? error : new Refusal('CHILD_STATE_FORBIDS', (error as Error).message) // what the saga says
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

function stampable(child: Child): Child {
  if (isUnspoken(child)) return child
  throw new Refusal('CHILD_STATE_FORBIDS', `${child.hostname} is ${child.state}: it needs no token any more`, {
    next: `fedctl child show ${child.hostname}`,
  })
}

const beingMade = ({ hostname }: Child): Refusal =>
  new Refusal('CHILD_STATE_FORBIDS', `the instance of ${hostname} is being made: there is nothing yet to stamp`, {
    next: `fedctl child watch ${hostname}`,
  })

const beingReplaced = ({ hostname }: Child): Refusal =>
  new Refusal('CHILD_STATE_FORBIDS', `the token of ${hostname} is being replaced at this moment`, {
    next: `fedctl child show ${hostname}, and ask again in a while`,
  })
